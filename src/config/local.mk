noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = \
    include/config/entries.def include/config/settings.def \
    src/config/check.c include/config/check.h \
    src/config/config.c include/config/config.h \
    src/config/effective.c include/config/effective.h \
    src/config/entries.c include/config/entries.h \
    src/config/enums.c include/config/enums.h \
    src/config/ini.c include/config/ini.h \
    src/config/settings.c include/config/settings.h \
    src/config/tables.c include/config/tables.h \
    src/config/value.c include/config/value.h

if UNIT_TESTS
check_PROGRAMS += \
    test/unit/test_config_effective \
    test/unit/test_config_ini \
    test/unit/test_config_snapshot \
    test/unit/test_config_values
test_unit_test_config_effective_SOURCES = test/unit/test_config_effective.c test/unit/expect.h
test_unit_test_config_effective_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_config_effective_LDADD = $(LIBS_CONFIG) $(CMOCKA_LIBS)
test_unit_test_config_ini_SOURCES = test/unit/test_config_ini.c test/unit/expect.h
test_unit_test_config_ini_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_config_ini_LDADD = $(LIBS_CONFIG) $(CMOCKA_LIBS)
test_unit_test_config_snapshot_SOURCES = test/unit/test_config_snapshot.c test/unit/expect.h
test_unit_test_config_snapshot_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_config_snapshot_LDADD = $(LIBS_CONFIG) $(CMOCKA_LIBS)
test_unit_test_config_values_SOURCES = test/unit/test_config_values.c test/unit/expect.h
test_unit_test_config_values_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_config_values_LDADD = $(LIBS_CONFIG) $(CMOCKA_LIBS)
endif
