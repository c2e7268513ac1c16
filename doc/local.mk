# doc: what is installed or distributed from here
dist_man_MANS += doc/libvouch.3 doc/pgvouch.8 doc/pgvouch.ini.5 doc/vouch.1
examples_DATA += doc/examples/vouch-check.c doc/examples/vouch_check.py

# What settings-manual writes stands in the source tree, for its readers; `make check` says when it is not up to date.
TESTS += script/check-documents

update-docs: settings-manual$(EXEEXT)
	builddir='$(abs_top_builddir)' $(top_srcdir)/script/check-documents --update

.PHONY: update-docs
