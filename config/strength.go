package config

import (
	"math"
	"strings"
)

// placeholder finds a word in a secret that says that nobody chose it, or that
// everybody does.
func placeholder(secret string) (string, bool) {
	lower := strings.ToLower(secret)
	for _, word := range []string{
		"change-me", "change_me", "changeme", "change this", "changeit", "secret", "password", "passwd", "passw0rd", "p@ssw0rd",
		"example", "default", "replace", "insert", "your-", "your_", "todo-", "dummy", "sample", "qwerty", "azerty", "letmein", "welcome",
		"admin", "postgres", "cartulary", "minio", "00000", "12345", "abcde",
	} {
		if strings.Contains(lower, word) {
			return word, true
		}
	}
	return "", false
}

// strength estimates how many bits it takes to guess a secret: of the characters
// that neither repeat what was there before nor go on counting, each has as many as
// tell apart the characters that there are. Random text comes out at about what it
// has.
func strength(secret string) float64 {
	characters := []rune(strings.ToLower(secret))
	different := map[rune]bool{}
	seen := map[[3]rune]bool{}
	fresh := 0
	for i, c := range characters {
		different[c] = true
		if i < 2 {
			fresh++
			continue
		}
		three := [3]rune{characters[i-2], characters[i-1], c}
		step := c - three[1]
		counts := step == three[1]-three[0] && step >= -1 && step <= 1
		if !counts && !seen[three] {
			fresh++
		}
		seen[three] = true
	}
	return float64(fresh) * math.Log2(float64(max(1, len(different))))
}
