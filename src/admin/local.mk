noinst_LIBRARIES += libadmin.a
libadmin_a_SOURCES = \
    src/admin/census.c include/admin/census.h \
    src/admin/command.c include/admin/command.h \
    src/admin/console.c include/admin/console.h \
    src/admin/consoles.c include/admin/consoles.h \
    src/admin/job.c include/admin/job.h \
    src/admin/show.c include/admin/show.h \
    src/admin/show_config.c \
    src/admin/show_pools.c \
    src/admin/show_sockets.c \
    src/admin/show_stats.c \
    src/admin/statements.c include/admin/statements.h \
    src/admin/statistics.c include/admin/statistics.h \
    src/admin/table.c include/admin/table.h
