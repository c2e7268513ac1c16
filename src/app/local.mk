bin_PROGRAMS += pgvouch
pgvouch_SOURCES = \
    src/app/contexts.c include/app/contexts.h \
    src/app/daemon.c include/app/daemon.h \
    src/app/main.c \
    src/app/options.c include/app/options.h \
    src/app/process.c include/app/process.h
pgvouch_LDADD = $(LIBS_ADMIN) $(SYSTEMD_LIBS)
