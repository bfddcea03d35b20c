package proof

import (
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/tlog"
)

// Tiles: tile (level, index) holds hashes 256·index … of level 8·level of the
// tree.
const (
	tileHeight = 8
	TileWidth  = 1 << tileHeight // hashes of a full tile
	MaxLevel   = 7               // of a tile: 256⁸ events are more than there can be
)

// TileID names a tile.
type TileID struct {
	Level int
	Index int64
}

// Tiles are stored tiles. Nothing that they return is believed.
type Tiles interface {
	// Tiles returns the hashes of each of the tiles, 32 bytes each, as far as they are
	// stored; nil for a tile that is not.
	Tiles(ctx context.Context, ids []TileID) ([][]byte, error)
}

// errMissing says that a tile is not stored, or not as far as it is needed.
var errMissing = errors.New("a tile is missing")

// tileReader is tiles as tlog wants them.
type tileReader struct {
	ctx     context.Context //nolint:containedctx // tlog.TileReader knows none; lives for one call
	tiles   Tiles
	failure error // of the store
}

// Height implements [tlog.TileReader].
func (*tileReader) Height() int { return tileHeight }

// SaveTiles implements [tlog.TileReader].
func (*tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements [tlog.TileReader]. A tile that is stored wider than it is
// asked for begins with what is asked for.
func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	ids := make([]TileID, len(tiles))
	for i, t := range tiles {
		ids[i] = TileID{Level: t.L, Index: t.N}
	}
	data, err := r.tiles.Tiles(r.ctx, ids)
	if err != nil {
		r.failure = err
		return nil, err
	}
	for i, t := range tiles {
		if len(data[i]) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("%w: %s", errMissing, t.Path())
		}
		data[i] = data[i][:t.W*tlog.HashSize]
	}
	return data, nil
}

// fault says whose fault err is: the store's, which could not be read, or that of
// what it holds.
func (r *tileReader) fault(err error) error {
	if r.failure != nil {
		return fmt.Errorf("read tiles: %w", r.failure)
	}
	return fmt.Errorf("%w: %w", ErrTiles, err)
}

// Piece is what a tile grows by.
type Piece struct {
	TileID

	From   int    // hashes that the tile has before
	Hashes []byte // 32 bytes each
}

// Frontier is the last tile of each level, to which hashes are added. The zero
// value is that of an empty tree.
type Frontier struct {
	levels [MaxLevel + 1]edge
}

// edge is where a level of tiles ends.
type edge struct {
	count  int64  // hashes in all tiles of the level
	tile   []byte // the hashes of its last tile, unless that is full
	stored int    // of which so many are stored
}

// OpenFrontier returns the frontier of stored tiles. last holds, for each level, the
// last tile's index and hashes; levels without tiles have none. It fails with
// [ErrTiles] when the levels do not belong together.
func OpenFrontier(last map[int]Piece) (*Frontier, error) {
	f := &Frontier{}
	for level := range f.levels {
		p, ok := last[level]
		if !ok {
			continue
		}
		width := len(p.Hashes) / tlog.HashSize
		if p.Index < 0 || p.Index >= math.MaxInt64/TileWidth || width > TileWidth || len(p.Hashes)%tlog.HashSize != 0 {
			return nil, fmt.Errorf("%w: tile %d/%d: %d bytes", ErrTiles, level, p.Index, len(p.Hashes))
		}
		e := &f.levels[level]
		e.count = p.Index*TileWidth + int64(width)
		if width < TileWidth {
			e.tile, e.stored = append([]byte(nil), p.Hashes...), width
		}
	}
	for level := 1; level < len(f.levels); level++ {
		if f.levels[level].count != f.levels[level-1].count/TileWidth {
			return nil, fmt.Errorf("%w: level %d holds %d hashes over %d", ErrTiles, level,
				f.levels[level].count, f.levels[level-1].count)
		}
	}
	return f, nil
}

// Size returns the number of events that the tiles hold.
func (f *Frontier) Size() int64 { return f.levels[0].count }

// Add adds the hash of the next event and returns the tiles that it filled, with
// what was added to them since they were stored.
func (f *Frontier) Add(leaf tlog.Hash) []Piece { return f.add(0, leaf, nil) }

func (f *Frontier) add(level int, hash tlog.Hash, full []Piece) []Piece {
	e := &f.levels[level]
	e.tile = append(e.tile, hash[:]...)
	e.count++
	if len(e.tile) < TileWidth*tlog.HashSize {
		return full
	}
	full = append(full, f.piece(level))
	up := subtree(e.tile)
	e.tile, e.stored = nil, 0
	if level == MaxLevel {
		return full
	}
	return f.add(level+1, up, full)
}

// Rest returns what was added to tiles that are not full. It counts as stored from now on.
func (f *Frontier) Rest() []Piece {
	var rest []Piece
	for level := range f.levels {
		if e := &f.levels[level]; len(e.tile)/tlog.HashSize > e.stored {
			rest = append(rest, f.piece(level))
			e.stored = len(e.tile) / tlog.HashSize
		}
	}
	return rest
}

func (f *Frontier) piece(level int) Piece {
	e := f.levels[level]
	return Piece{
		TileID: TileID{Level: level, Index: (e.count - 1) / TileWidth},
		From:   e.stored, Hashes: e.tile[e.stored*tlog.HashSize:],
	}
}

// subtree returns the root of a full tile.
func subtree(hashes []byte) tlog.Hash {
	if len(hashes) == tlog.HashSize {
		return tlog.Hash(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(subtree(hashes[:half]), subtree(hashes[half:]))
}
