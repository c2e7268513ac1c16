noinst_LIBRARIES += libsnp.a
libsnp_a_SOURCES = src/snp/layer.c
