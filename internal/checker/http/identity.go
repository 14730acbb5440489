package http

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
)

// Identity is what a client shows to servers: certificates, the own one first, and
// the key of that, both in PEM. The key may be encrypted with a password.
func Identity(certificates, key []byte, password string) (tls.Certificate, error) {
	block, _ := pem.Decode(key)
	for rest := key; block != nil && !isKey(block.Type); {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return tls.Certificate{}, errors.New("there is no key in PEM")
	}
	plain, err := decrypted(block, []byte(password))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("decrypt the key: %w", err)
	}
	return tls.X509KeyPair(certificates, pem.EncodeToMemory(plain))
}

func isKey(kind string) bool {
	switch kind {
	case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
		return true
	}
	return false
}

// decrypted is a key without its password: PKCS #8 as OpenSSL writes it today, and
// the old form of OpenSSL.
func decrypted(b *pem.Block, password []byte) (*pem.Block, error) {
	switch {
	case b.Type == "ENCRYPTED PRIVATE KEY":
		der, err := unwrap(b.Bytes, password)
		return &pem.Block{Type: "PRIVATE KEY", Bytes: der}, err
	case x509.IsEncryptedPEMBlock(b): //nolint:staticcheck // weak, and in use
		der, err := x509.DecryptPEMBlock(b, password) //nolint:staticcheck
		return &pem.Block{Type: b.Type, Bytes: der}, err
	}
	return b, nil
}

// wrapping is EncryptedPrivateKeyInfo with PBES2, PBKDF2 and a cipher in CBC mode
// (RFC 5958 and 8018).
type wrapping struct {
	Algorithm struct {
		ID     asn1.ObjectIdentifier
		Params struct {
			Derive struct {
				ID     asn1.ObjectIdentifier
				Params struct {
					Salt   []byte
					Rounds int
					Length int                      `asn1:"optional"`
					Hash   pkix.AlgorithmIdentifier `asn1:"optional"`
				}
			}
			Cipher struct {
				ID asn1.ObjectIdentifier
				IV []byte
			}
		}
	}
	Data []byte
}

// pbkdf2ID is the identifier of PBKDF2.
const pbkdf2ID = "1.2.840.113549.1.5.12"

// manyRounds bounds what deriving a key costs.
const manyRounds = 10_000_000

var errForeign = errors.New("it is encrypted in a way that is not known here: openssl pkcs8 -topk8 -v2 aes256 writes one that is")

// unwrap decrypts a key of PKCS #8.
func unwrap(der, password []byte) ([]byte, error) {
	var w wrapping
	if _, err := asn1.Unmarshal(der, &w); err != nil {
		return nil, errForeign
	}
	how, with := w.Algorithm.Params.Derive.Params, w.Algorithm.Params.Cipher
	size, open := cipherOf(with.ID)
	digest := digestOf(how.Hash.Algorithm)
	if w.Algorithm.Params.Derive.ID.String() != pbkdf2ID || open == nil || digest == nil || how.Rounds < 1 || how.Rounds > manyRounds {
		return nil, errForeign
	}
	key, err := pbkdf2.Key(digest, string(password), how.Salt, how.Rounds, size)
	if err != nil {
		return nil, err
	}
	block, err := open(key)
	if err != nil {
		return nil, err
	}
	if len(with.IV) != block.BlockSize() || len(w.Data) == 0 || len(w.Data)%block.BlockSize() != 0 {
		return nil, errForeign
	}
	plain := make([]byte, len(w.Data))
	cipher.NewCBCDecrypter(block, with.IV).CryptBlocks(plain, w.Data)
	return unpad(plain, block.BlockSize())
}

// unpad removes the padding, which shows whether the password was right.
func unpad(b []byte, block int) ([]byte, error) {
	n := int(b[len(b)-1])
	if n == 0 || n > block {
		return nil, errors.New("the password is wrong")
	}
	for _, c := range b[len(b)-n:] {
		if int(c) != n {
			return nil, errors.New("the password is wrong")
		}
	}
	return b[:len(b)-n], nil
}

// cipherOf is a cipher by its identifier, with the size of its key; nil: another.
func cipherOf(id asn1.ObjectIdentifier) (size int, open func([]byte) (cipher.Block, error)) {
	switch id.String() {
	case "2.16.840.1.101.3.4.1.2":
		return 16, aes.NewCipher
	case "2.16.840.1.101.3.4.1.22":
		return 24, aes.NewCipher
	case "2.16.840.1.101.3.4.1.42":
		return 32, aes.NewCipher
	case "1.2.840.113549.3.7": // what openssl req takes
		return 24, des.NewTripleDESCipher
	}
	return 0, nil
}

// digestOf is the hash of PBKDF2 by its identifier; HMAC-SHA1 if there is none.
func digestOf(id asn1.ObjectIdentifier) func() hash.Hash {
	switch id.String() {
	case "", "1.2.840.113549.2.7":
		return sha1.New
	case "1.2.840.113549.2.9":
		return sha256.New
	}
	return nil
}
