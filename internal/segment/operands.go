package segment

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// decimal is what the ledger reads as a number too (db/migrations, as_number).
var decimal = regexp.MustCompile(`^[-+]?[0-9]{1,100}(\.[0-9]{1,100})?([eE][-+]?[0-9]{1,3})?$`)

func readScalar(raw json.RawMessage) (operand, bool) {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return operand{}, false
	}
	switch v := value.(type) {
	case string:
		return operand{text: v}, !strings.ContainsRune(v, 0)
	case bool:
		return operand{text: strconv.FormatBool(v)}, true
	case float64:
		text := string(raw)
		return operand{text: text, number: text}, decimal.MatchString(text)
	}
	return operand{}, false
}

// readNumber takes a number or a text that is one: official examples write both.
func readNumber(raw json.RawMessage) (operand, bool) {
	o, ok := readScalar(raw)
	text := strings.TrimSpace(o.text)
	return operand{text: text, number: text}, ok && decimal.MatchString(text)
}

func readWhole(least, most int) func(json.RawMessage) (operand, bool) {
	return func(raw json.RawMessage) (operand, bool) {
		o, ok := readNumber(raw)
		f, err := strconv.ParseFloat(o.number, 64)
		if !ok || err != nil || f != math.Trunc(f) || f < float64(least) || f > float64(most) {
			return operand{}, false
		}
		o.number = strconv.Itoa(int(f))
		return o, true
	}
}

// readTrue takes true; the public API's lists take an empty text for it too.
func readTrue(raw json.RawMessage) (operand, bool) {
	o, ok := readScalar(raw)
	return o, ok && (o.text == "true" || o.text == "")
}

func readMoment(raw json.RawMessage) (operand, bool) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return operand{}, false
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return operand{at: at, dateOnly: true}, true
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return operand{at: at.UTC()}, err == nil
}
