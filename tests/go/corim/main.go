// Reads and validates unsigned CoRIMs with veraison/corim; prints each CoMID as JSON, on a line of its own.
package main

import (
	"fmt"
	"os"

	"github.com/veraison/corim/comid"
	"github.com/veraison/corim/corim"
)

// A CoMID stands behind its tag, 506, of three bytes.
const tag = 3

func must(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	must(err)
	var manifest corim.UnsignedCorim
	must(manifest.FromCBOR(data))
	must(manifest.Valid())
	for _, each := range manifest.Tags {
		var one comid.Comid
		must(one.FromCBOR(each[tag:]))
		must(one.Valid())
		text, err := one.ToJSON()
		must(err)
		fmt.Println(string(text))
	}
}
