package xmlcatalog

// EveryDamage is the damage before that is taken out which an unreadable file
// above explains: the yardstick of NewDamage.
func EveryDamage(c *Catalog) (keys map[string]bool) {
	keys = make(map[string]bool)
	for _, d := range c.everyDamage() {
		keys[d.key] = true
	}
	return keys
}
