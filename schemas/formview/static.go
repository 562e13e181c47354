package formview

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// StaticPrefix is where a program serves the files of Static.
const StaticPrefix = "/static/"

// Asset is a file that pages load: style, script, font.
type Asset struct {
	Type string // its media type
	Body []byte
	// Gzip is Body compressed, nil where that gains nothing.
	Gzip []byte
}

// mediaTypes are those of the files that are served; others, such as
// licences, are not.
var mediaTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// assets are all files under one address that is a hash over all of them: a
// style finds its font and a module its neighbours by relative addresses, a
// browser may keep them for ever, and a new release has a new address.
var assets = sync.OnceValues(func() (map[string]Asset, error) {
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	all := map[string]Asset{}
	sum := sha256.New()
	for _, e := range entries {
		kind := mediaTypes[path.Ext(e.Name())]
		if kind == "" {
			continue
		}
		body, err := fs.ReadFile(staticFiles, "static/"+e.Name())
		if err != nil {
			return nil, fmt.Errorf("read static files: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n", e.Name(), len(body))
		sum.Write(body)
		a := Asset{Type: kind, Body: body}
		if path.Ext(e.Name()) != ".woff2" { // which is compressed in itself
			if a.Gzip, err = compressed(body); err != nil {
				return nil, fmt.Errorf("compress %s: %w", e.Name(), err)
			}
		}
		all[e.Name()] = a
	}
	version := hex.EncodeToString(sum.Sum(nil)[:8])
	named := map[string]Asset{"": {Type: version}}
	for name, a := range all {
		named[version+"/"+name] = a
	}
	return named, nil
})

func compressed(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// StaticURL is the address of a file: {{static "mahalleh.css"}}. It is an
// error to name a file that is not there.
func StaticURL(name string) (string, error) {
	all, err := assets()
	if err != nil {
		return "", err
	}
	file := all[""].Type + "/" + name
	if _, ok := all[file]; !ok {
		return "", fmt.Errorf("there is no static file %q", name)
	}
	return StaticPrefix + file, nil
}

// Static is the file of an address behind StaticPrefix. What it returns never
// changes, so browsers may keep it for ever.
func Static(file string) (Asset, bool) {
	all, err := assets()
	if err != nil || file == "" {
		return Asset{}, false
	}
	a, ok := all[file]
	return a, ok
}
