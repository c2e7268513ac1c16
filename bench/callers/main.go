// callers PORT USER RATE SECONDS FILE: the clients of storm.c, RATE of them a second for SECONDS. Each logs in over TLS
// with a certificate and key of its own, the next of FILE, and leaves. Says "ready" when FILE is read, begins when a line
// comes on standard input, and in the end prints how many came in and how many did not.
//
// In Go, whose TLS takes a third of the processor time that OpenSSL 3.0 takes for a client: pooler, clients and database
// share one machine.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Calls that wait for their end; further ones come late.
const callsAtOnce = 64

// A call that takes longer has failed.
const patience = 30 * time.Second

// Certificate and PKCS #8 key by turns, in PEM.
func readCertificates(path string) ([]tls.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var certificates []tls.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key *pem.Block
		if key, rest = pem.Decode(rest); key == nil {
			return nil, fmt.Errorf("%s: a certificate without a key", path)
		}
		private, err := x509.ParsePKCS8PrivateKey(key.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: private})
	}
	return certificates, nil
}

func startupMessage(user string) []byte {
	text := "user\x00" + user + "\x00database\x00bench\x00\x00"
	message := binary.BigEndian.AppendUint32(nil, uint32(8+len(text)))
	message = binary.BigEndian.AppendUint32(message, 3<<16)
	return append(message, text...)
}

// Reads messages up to ReadyForQuery.
func awaitReady(from io.Reader) error {
	reader := bufio.NewReader(from)
	for {
		var head [5]byte
		if _, err := io.ReadFull(reader, head[:]); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(reader, body); err != nil {
			return err
		}
		switch head[0] {
		case 'E':
			return fmt.Errorf("refused: %q", body)
		case 'Z':
			return nil
		}
	}
}

func call(address, user string, certificate *tls.Certificate) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil { // SSLRequest
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	if answer[0] != 'S' {
		return errors.New("no TLS is spoken here")
	}
	session := tls.Client(conn, &tls.Config{
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return certificate, nil
		},
	})
	if _, err := session.Write(startupMessage(user)); err != nil {
		return err
	}
	if err := awaitReady(session); err != nil {
		return err
	}
	_, err = session.Write([]byte{'X', 0, 0, 0, 4})
	return err
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		log.Fatalf("%q is no number", text)
	}
	return value
}

func main() {
	log.SetFlags(0)
	debug.SetGCPercent(1000) // memory is cheap here, processor time is not
	if len(os.Args) != 6 {
		log.Fatal("usage: callers PORT USER RATE SECONDS FILE")
	}
	address, user := net.JoinHostPort("127.0.0.1", os.Args[1]), os.Args[2]
	rate, duration := number(os.Args[3]), time.Duration(number(os.Args[4]))*time.Second
	certificates, err := readCertificates(os.Args[5])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		log.Fatal(err)
	}

	var in, refused int64
	var calls sync.WaitGroup
	lines := make(chan struct{}, callsAtOnce)
	for i, began := 0, time.Now(); i < len(certificates); i++ {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		lines <- struct{}{}
		if time.Since(began) >= duration {
			break
		}
		calls.Add(1)
		go func(certificate *tls.Certificate) {
			defer calls.Done()
			if err := call(address, user, certificate); err != nil {
				if atomic.AddInt64(&refused, 1) == 1 {
					log.Print(err)
				}
			} else {
				atomic.AddInt64(&in, 1)
			}
			<-lines
		}(&certificates[i])
	}
	calls.Wait()
	fmt.Println(in, refused)
}
