noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = \
    src/config/enums.c include/config/enums.h \
    include/config/config.h include/config/effective.h include/config/entries.def \
    include/config/ini.h include/config/settings.def include/config/settings.h include/config/value.h
