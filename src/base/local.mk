noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
    src/base/bytes.c include/base/bytes.h \
    src/base/clock.c include/base/clock.h \
    src/base/connector.c include/base/connector.h \
    src/base/crew.c include/base/crew.h \
    src/base/distance.c include/base/distance.h \
    src/base/engine.c include/base/engine.h \
    src/base/err.c include/base/err.h \
    src/base/log.c include/base/log.h \
    src/base/loop.c include/base/loop.h \
    src/base/mem.c include/base/mem.h \
    src/base/reader.c include/base/reader.h \
    src/base/writer.c include/base/writer.h

if UNIT_TESTS
check_PROGRAMS += \
    test/unit/test_base_bytes \
    test/unit/test_base_connector \
    test/unit/test_base_engine \
    test/unit/test_base_engine_close \
    test/unit/test_base_log \
    test/unit/test_base_loop \
    test/unit/test_base_reader \
    test/unit/test_base_writer
test_unit_test_base_bytes_SOURCES = test/unit/test_base_bytes.c test/unit/expect.h
test_unit_test_base_bytes_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_base_bytes_LDADD = $(LIBS_BASE) $(CMOCKA_LIBS)
test_unit_test_base_connector_SOURCES = test/unit/test_base_connector.c test/unit/expect.h
test_unit_test_base_connector_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_base_connector_LDADD = $(LIBS_BASE) $(CMOCKA_LIBS)
CHANNEL_SCENE = test/unit/channel_scene.c test/unit/channel_scene.h test/unit/expect.h
test_unit_test_base_engine_SOURCES = test/unit/test_base_engine.c $(CHANNEL_SCENE)
test_unit_test_base_engine_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_base_engine_LDADD = $(LIBS_BASE) $(CMOCKA_LIBS)
test_unit_test_base_engine_close_SOURCES = test/unit/test_base_engine_close.c $(CHANNEL_SCENE)
test_unit_test_base_engine_close_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_base_engine_close_LDADD = $(LIBS_BASE) $(CMOCKA_LIBS)
test_unit_test_base_log_SOURCES = test/unit/test_base_log.c test/unit/expect.h
test_unit_test_base_log_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_base_log_LDADD = $(LIBS_BASE) $(CMOCKA_LIBS)
test_unit_test_base_loop_SOURCES = test/unit/test_base_loop.c test/unit/expect.h
test_unit_test_base_loop_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_base_loop_LDADD = $(LIBS_BASE) $(CMOCKA_LIBS)
test_unit_test_base_reader_SOURCES = test/unit/test_base_reader.c test/unit/expect.h
test_unit_test_base_reader_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_base_reader_LDADD = $(LIBS_BASE) $(CMOCKA_LIBS)
test_unit_test_base_writer_SOURCES = test/unit/test_base_writer.c test/unit/expect.h
test_unit_test_base_writer_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_base_writer_LDADD = $(LIBS_BASE) $(CMOCKA_LIBS)
endif
