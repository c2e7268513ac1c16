noinst_LIBRARIES += libadmin.a
libadmin_a_SOURCES = \
    src/admin/census.c include/admin/census.h \
    src/admin/command.c include/admin/command.h \
    src/admin/console.c include/admin/console.h \
    src/admin/consoles.c include/admin/consoles.h \
    src/admin/greeting.c include/admin/greeting.h \
    src/admin/http.c include/admin/http.h \
    src/admin/http_listener.c include/admin/http_listener.h \
    src/admin/job.c include/admin/job.h \
    src/admin/metrics.c include/admin/metrics.h \
    src/admin/show.c include/admin/show.h \
    src/admin/show_attest.c \
    src/admin/show_config.c \
    src/admin/show_pools.c \
    src/admin/show_sockets.c \
    src/admin/show_stats.c \
    src/admin/statements.c include/admin/statements.h \
    src/admin/statistics.c include/admin/statistics.h \
    src/admin/table.c include/admin/table.h

if UNIT_TESTS
check_PROGRAMS += test/unit/test_console_command test/unit/test_console_table \
    test/unit/test_http_listener
test_unit_test_console_command_SOURCES = test/unit/test_console_command.c
test_unit_test_console_command_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_console_command_LDADD = libadmin.a $(LIBS_BASE) $(CMOCKA_LIBS)
test_unit_test_console_table_SOURCES = test/unit/test_console_table.c
test_unit_test_console_table_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_console_table_LDADD = libadmin.a libwire.a $(LIBS_BASE) $(CMOCKA_LIBS)
test_unit_test_http_listener_SOURCES = test/unit/test_http_listener.c test/unit/expect.h
test_unit_test_http_listener_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_http_listener_LDADD = libadmin.a $(LIBS_CONFIG) $(CMOCKA_LIBS)
endif
