package wsdial

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// path is where a server answers if the address does not say otherwise.
const path = "/sync"

// ParseAddress turns what stands in an enrolment code, or what a person typed,
// into the URL to connect to: a host with or without a port, or a URL (http
// and https are read as ws and wss). Without a scheme, port 443 or none means
// wss and any other port ws: the channel inside proves and seals everything,
// so the plain form costs no secrecy. The error wraps ErrAddress.
func ParseAddress(address string) (string, error) {
	text := strings.TrimSpace(address)
	if !strings.Contains(text, "://") {
		text = guessScheme(text) + "://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("%q: %w: %w", address, ErrAddress, err)
	}
	switch strings.ToLower(u.Scheme) {
	case "ws", "http":
		u.Scheme = "ws"
	case "wss", "https":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("%q: scheme %q: %w", address, u.Scheme, ErrAddress)
	}
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q: %w", address, ErrAddress)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = path
	}
	return u.String(), nil
}

func guessScheme(hostport string) string {
	host, _, _ := strings.Cut(hostport, "/")
	if _, port, err := net.SplitHostPort(host); err == nil && port != "443" {
		return "ws"
	}
	return "wss"
}
