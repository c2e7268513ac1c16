noinst_LIBRARIES += libsnp.a
libsnp_a_SOURCES = \
    src/snp/authority.c include/snp/authority.h \
    src/snp/certificate.c include/snp/certificate.h \
    src/snp/certtable.c include/snp/certtable.h \
    src/snp/chain.c include/snp/chain.h \
    src/snp/chain_cache.c include/snp/chain_cache.h \
    src/snp/checklist.c include/snp/checklist.h \
    src/snp/consistency.c include/snp/consistency.h \
    src/snp/crl.c include/snp/crl.h \
    src/snp/kds.c include/snp/kds.h \
    src/snp/kds_check.c include/snp/kds_check.h \
    src/snp/lineage.c include/snp/lineage.h \
    src/snp/product.c include/snp/product.h \
    src/snp/psp.c include/snp/psp.h \
    src/snp/psp_issue.c include/snp/psp_issue.h \
    src/snp/psp_store.c include/snp/psp_store.h \
    src/snp/report.c include/snp/report.h \
    src/snp/revocation.c include/snp/revocation.h \
    src/snp/roots.c include/snp/roots.h \
    src/snp/roots_data.c include/snp/roots_data.h \
    src/snp/signature.c include/snp/signature.h \
    src/snp/tcb.c include/snp/tcb.h \
    src/snp/vek.c include/snp/vek.h \
    src/snp/verify.c include/snp/verify.h

if UNIT_TESTS
SNP_FORGE = test/unit/snp_forge.c test/unit/snp_forge.h
check_PROGRAMS += test/unit/test_snp_chain test/unit/test_snp_genuine test/unit/test_snp_kds test/unit/test_snp_psp \
    test/unit/test_snp_report test/unit/test_snp_verify
test_unit_test_snp_chain_SOURCES = test/unit/test_snp_chain.c $(SNP_FORGE)
test_unit_test_snp_chain_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_snp_chain_LDADD = $(LIBS_SNP) $(CMOCKA_LIBS)
test_unit_test_snp_genuine_SOURCES = test/unit/test_snp_genuine.c $(SNP_FORGE)
test_unit_test_snp_genuine_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_snp_genuine_LDADD = $(LIBS_SNP) $(CMOCKA_LIBS)
test_unit_test_snp_kds_SOURCES = test/unit/test_snp_kds.c $(SNP_FORGE)
test_unit_test_snp_kds_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_snp_kds_LDADD = $(LIBS_SNP) $(CMOCKA_LIBS)
test_unit_test_snp_psp_SOURCES = test/unit/test_snp_psp.c $(SNP_FORGE)
test_unit_test_snp_psp_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_snp_psp_LDADD = $(LIBS_SNP) $(CMOCKA_LIBS)
test_unit_test_snp_report_SOURCES = test/unit/test_snp_report.c
test_unit_test_snp_report_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_snp_report_LDADD = $(LIBS_SNP) $(CMOCKA_LIBS)
test_unit_test_snp_verify_SOURCES = test/unit/test_snp_verify.c $(SNP_FORGE)
test_unit_test_snp_verify_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_snp_verify_LDADD = $(LIBS_SNP) $(CMOCKA_LIBS)
endif
