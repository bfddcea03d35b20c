// Package collision gives tests two messages that MD5 can't tell apart.
package collision

import (
	"encoding/hex"
	"testing"
)

// MD5 is the digest of both [Blocks], in lower-case hexadecimal.
const MD5 = "79054025255fb1a26e4bc422aef54eb4"

const (
	first = "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89" +
		"55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b" +
		"d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0" +
		"e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
	second = "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89" +
		"55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b" +
		"d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0" +
		"e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
)

// Blocks returns two messages of 128 bytes that differ and have the same MD5 digest
// (Wang, Feng, Lai, Yu: Collisions for hash functions MD4, MD5, HAVAL-128 and RIPEMD,
// 2004). What is appended to both keeps them colliding.
func Blocks(t testing.TB) (a, b []byte) {
	t.Helper()
	return decoded(t, first), decoded(t, second)
}

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	block, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return block
}
