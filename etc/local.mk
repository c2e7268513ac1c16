# etc: what is installed or distributed from here
etc/pgvouch.service: $(srcdir)/etc/pgvouch.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && sed -e 's|@bindir[@]|$(bindir)|' -e 's|@sysconfdir[@]|$(sysconfdir)|' \
	    $(srcdir)/etc/pgvouch.service.in >$@
CLEANFILES += etc/pgvouch.service

if SYSTEMD_UNITS
systemdsystemunit_DATA = etc/pgvouch.service etc/pgvouch.socket
endif
