noinst_LIBRARIES += libsnp.a
libsnp_a_SOURCES = \
    src/snp/certtable.c include/snp/certtable.h \
    include/snp/chain.h \
    src/snp/checklist.c include/snp/checklist.h \
    include/snp/crl.h \
    src/snp/product.c include/snp/product.h \
    include/snp/psp.h \
    src/snp/report.c include/snp/report.h \
    include/snp/roots.h \
    src/snp/signature.c include/snp/signature.h \
    src/snp/tcb.c include/snp/tcb.h \
    include/snp/vek.h \
    include/snp/verify.h
