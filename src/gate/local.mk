noinst_LIBRARIES += libgate.a
libgate_a_SOURCES = \
    src/gate/credentials.c include/gate/credentials.h \
    src/gate/identity.c include/gate/identity.h \
    include/gate/backend_auth.h
