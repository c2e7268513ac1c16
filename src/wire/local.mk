noinst_LIBRARIES += libwire.a
libwire_a_SOURCES = \
    src/wire/error.c include/wire/error.h \
    src/wire/message.c include/wire/message.h \
    src/wire/startup.c include/wire/startup.h
