# etc: what is installed or distributed from here. The examples are for copying to $(sysconfdir)/pgvouch.
examplesdir = $(docdir)/examples
examples_DATA = etc/pgvouch.ini etc/hba.conf etc/policy.yaml etc/userlist.txt

etc/pgvouch.service: $(srcdir)/etc/pgvouch.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && sed -e 's|@bindir[@]|$(bindir)|' -e 's|@sysconfdir[@]|$(sysconfdir)|' \
	    $(srcdir)/etc/pgvouch.service.in >$@
CLEANFILES += etc/pgvouch.service

if SYSTEMD_UNITS
systemdsystemunit_DATA = etc/pgvouch.service etc/pgvouch.socket
endif
