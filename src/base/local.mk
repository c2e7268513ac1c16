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
