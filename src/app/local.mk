bin_PROGRAMS += pgvouch
pgvouch_SOURCES = src/app/main.c
pgvouch_LDADD = $(LIBS_ADMIN) $(SYSTEMD_LIBS)
