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
