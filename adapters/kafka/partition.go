package kafka

import "encoding/binary"

// partitionOf picks the partition of a key as Kafka's own (Java) producer does,
// so that any tool finds a ledger where we put it.
func partitionOf(key []byte, partitions int) int32 {
	return int32(murmur2(key)&0x7fffffff) % int32(partitions) //nolint:gosec // masked to 31 bits
}

// murmur2 is Austin Appleby's MurmurHash2, 32 bits, with Kafka's seed.
func murmur2(data []byte) uint32 {
	const (
		m    = 0x5bd1e995
		r    = 24
		seed = 0x9747b28c
	)
	h := seed ^ uint32(len(data)) //nolint:gosec // a key is never 4 GiB
	for len(data) >= 4 {
		k := binary.LittleEndian.Uint32(data) * m
		k = (k ^ k>>r) * m
		h = h*m ^ k
		data = data[4:]
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}
