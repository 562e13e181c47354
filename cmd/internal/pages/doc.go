// Package pages holds tests alone: it looks at the committee's pages in a browser,
// as each role would, over a small sample of a province.
package pages
