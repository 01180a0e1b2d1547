package rule

// Asks names what the rule's conditions are about, each name as often as it stands there.
func (r Rule) Asks() (names []string) {
	r.Rules.each(func(c *condition) { names = append(names, c.name) })
	return names
}
