noinst_LIBRARIES += libsnp.a
libsnp_a_SOURCES = src/snp/layer.c \
    include/snp/certtable.h \
    include/snp/chain.h \
    include/snp/checklist.h \
    include/snp/crl.h \
    include/snp/product.h \
    include/snp/psp.h \
    include/snp/report.h \
    include/snp/roots.h \
    include/snp/signature.h \
    include/snp/tcb.h \
    include/snp/vek.h \
    include/snp/verify.h
