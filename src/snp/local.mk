noinst_LIBRARIES += libsnp.a
libsnp_a_SOURCES = \
    src/snp/authority.c include/snp/authority.h \
    src/snp/certificate.c include/snp/certificate.h \
    src/snp/certtable.c include/snp/certtable.h \
    src/snp/chain.c include/snp/chain.h \
    src/snp/chain_cache.c include/snp/chain_cache.h \
    src/snp/checklist.c include/snp/checklist.h \
    src/snp/crl.c include/snp/crl.h \
    src/snp/product.c include/snp/product.h \
    include/snp/psp.h \
    src/snp/report.c include/snp/report.h \
    src/snp/roots.c include/snp/roots.h \
    src/snp/roots_data.c include/snp/roots_data.h \
    src/snp/signature.c include/snp/signature.h \
    src/snp/tcb.c include/snp/tcb.h \
    src/snp/vek.c include/snp/vek.h \
    include/snp/verify.h
