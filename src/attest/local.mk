noinst_LIBRARIES += libattest.a
libattest_a_SOURCES = src/attest/layer.c
