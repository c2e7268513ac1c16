# certificate.sh: the server's certificate for benchmarks; sourced.

# In $SCRATCH/cert.pem and $SCRATCH/key.pem, for whoever the servers run as.
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$SCRATCH/key.pem" -out "$SCRATCH/cert.pem" 2>"$SCRATCH/openssl.log"
    chmod 0644 "$SCRATCH/key.pem"
}
