// Reads an unsigned CoRIM with veraison/corim; prints the value of each measurement as JSON, on a line of its own.
//
// Release 1.1.2, the last that Go's proxy has, is older than the draft's keys of text: what is behind a key is read with
// its types, the CoRIM around it and the environment too; the keys, and the triples that hold them together, by CBOR.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/corim/comid"
	"github.com/veraison/corim/corim"
)

func must(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

type reference struct {
	_            struct{} `cbor:",toarray"`
	Environment  comid.Environment
	Measurements []struct {
		Key   any             `cbor:"0,keyasint,omitempty"`
		Value cbor.RawMessage `cbor:"1,keyasint"`
	}
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	must(err)
	var manifest corim.UnsignedCorim
	must(manifest.FromCBOR(data))
	must(manifest.Valid())
	for _, each := range manifest.Tags {
		var one struct {
			Identity comid.TagIdentity `cbor:"1,keyasint"`
			Triples  struct {
				References []reference `cbor:"0,keyasint"`
			} `cbor:"4,keyasint"`
		}
		must(cbor.Unmarshal(bytes.TrimPrefix(each, corim.ComidTag), &one))
		must(one.Identity.Valid())
		for _, triple := range one.Triples.References {
			must(triple.Environment.Valid())
			for _, measured := range triple.Measurements {
				var value comid.Mval
				must(value.UnmarshalCBOR(measured.Value))
				must(value.Valid())
				if value.Digests != nil {
					must(value.Digests.Valid())
				}
				text, err := json.Marshal([]any{measured.Key, value.Digests, value.IntegrityRegisters})
				must(err)
				fmt.Println(string(text))
			}
		}
	}
}
