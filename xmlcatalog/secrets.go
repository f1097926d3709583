package xmlcatalog

import (
	"regexp"
	"strings"
)

// secretName says whether a parameter holds a secret, by its name. It rather
// hides one too many: a hidden value is still reported as changed.
func secretName(name string) bool {
	name = strings.ToLower(name)
	for _, part := range [...]string{"passw", "passphrase", "secret", "token", "apikey", "api_key", "api key", "accesskey", "access_key", "access key", "account_key", "accountkey", "privatekey", "private_key", "credential", "signature"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "pwd" || name == "pass" || strings.HasSuffix(name, ".pwd")
}

// cipher recognises a value that GeoServer has encrypted. It salts each one
// anew, so the same password looks different after every save.
func cipher(value string) bool {
	value = strings.TrimSpace(value)
	return strings.HasPrefix(value, "crypt1:") || strings.HasPrefix(value, "crypt2:") || strings.HasPrefix(value, "digest1:") || strings.HasPrefix(value, "digest2:")
}

func secretValue(value string) bool {
	value = strings.TrimSpace(value)
	return cipher(value) || strings.HasPrefix(value, "plain:")
}

var (
	urlPassword   = regexp.MustCompile(`(://[^/@\s:]*):[^/\s]*@`)
	queryPassword = regexp.MustCompile(`(?i)((?:passw(?:or)?d|pwd|token|secret|api_?key|access_?key|authkey|sig|signature)=)[^&;\s"'<]*`)
	wordCipher    = regexp.MustCompile(`\b(crypt[12]|digest[12]|plain):\S*`)
)

// redact takes out of a value what is secret inside of it: the password of a
// URL, of a query, of a JDBC string.
func redact(value string) string {
	value = urlPassword.ReplaceAllString(value, "$1:…@")
	value = queryPassword.ReplaceAllString(value, "$1…")
	return wordCipher.ReplaceAllString(value, "$1:…")
}
