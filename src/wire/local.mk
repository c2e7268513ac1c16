noinst_LIBRARIES += libwire.a
libwire_a_SOURCES = \
    src/wire/error.c include/wire/error.h \
    src/wire/message.c include/wire/message.h \
    src/wire/startup.c include/wire/startup.h

if UNIT_TESTS
check_PROGRAMS += \
    test/unit/test_wire_message \
    test/unit/test_wire_startup
test_unit_test_wire_message_SOURCES = test/unit/test_wire_message.c test/unit/expect.h
test_unit_test_wire_message_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_wire_message_LDADD = $(LIBS_WIRE) $(CMOCKA_LIBS)
test_unit_test_wire_startup_SOURCES = test/unit/test_wire_startup.c test/unit/expect.h
test_unit_test_wire_startup_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_wire_startup_LDADD = $(LIBS_WIRE) $(CMOCKA_LIBS)
endif
