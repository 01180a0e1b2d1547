// Package seal writes ids so that only Herald can read them, for links that are open to whoever has them: an id inside tells
// nothing, cannot be guessed, and cannot be made into another. The same ids always read the same, so such links can be cached.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"
)

// Key is the installation's secret.
type Key []byte

// Seal writes ids for one purpose.
func (k Key) Seal(purpose string, ids ...uuid.UUID) string {
	var plain []byte
	for _, one := range ids {
		plain = append(plain, one[:]...)
	}
	box := k.box(purpose)
	nonce := k.derive("nonce "+purpose, plain)[:box.NonceSize()] // of what is sealed, so no two texts share one
	return base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, plain, nil))
}

// Open reads what Seal wrote for the purpose into ids; false where it was not Seal, or not of so many ids.
func (k Key) Open(purpose, text string, ids ...*uuid.UUID) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	box := k.box(purpose)
	if err != nil || len(raw) < box.NonceSize() {
		return false
	}
	plain, err := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], nil)
	if err != nil || len(plain) != len(ids)*len(uuid.UUID{}) {
		return false
	}
	for i, one := range ids {
		copy(one[:], plain[i*len(one):])
	}
	return true
}

func (k Key) box(purpose string) cipher.AEAD {
	block, err := aes.NewCipher(k.derive("key "+purpose, nil))
	if err != nil { // a SHA-256 sum is a key of the right size
		panic(fmt.Sprintf("seal: %v", err))
	}
	box, err := cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("seal: %v", err))
	}
	return box
}

func (k Key) derive(what string, of []byte) []byte {
	mac := hmac.New(sha256.New, k)
	_, _ = mac.Write([]byte(what + "\x00"))
	_, _ = mac.Write(of)
	return mac.Sum(nil)
}
