package email

import (
	"bufio"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"herald/internal/channel"
)

// The reasons of outcomes, in the machine's words.
const (
	AddressInvalid      = "address_invalid"      // not an address that mail can go to
	UTF8Unsupported     = "smtputf8_unsupported" // the address needs SMTPUTF8, the server does not offer it
	MailboxUnavailable  = "mailbox_unavailable"  // nobody there by that name
	MailboxDisabled     = "mailbox_disabled"
	MailboxFull         = "mailbox_full"
	MailboxMoved        = "mailbox_moved"
	MailboxBusy         = "mailbox_busy"
	DomainUnavailable   = "domain_unavailable" // no such domain, or it takes no mail
	MessageTooLarge     = "message_too_large"
	ContentRejected     = "content_rejected"
	PolicyRejected      = "policy_rejected" // blocked, unauthenticated, spam: the provider does not want this mail
	Greylisted          = "greylisted"
	RateLimited         = "rate_limited"
	ProviderStorage     = "provider_storage"
	ProviderError       = "provider_error" // the provider has a problem of its own
	RouteUnavailable    = "route_unavailable"
	TransactionRejected = "transaction_rejected"
	ConnectionLost      = "connection_lost"
	TimedOut            = "timeout"
	RenderFailed        = "render_failed" // the template failed for this customer
)

// reply is one SMTP reply. The words are kept for people; of a positive reply only the last line.
type reply struct {
	code  int
	words string
}

// class, subject and detail of an RFC 3463 status at the head of the words; zeros where there is none.
func (r reply) status() (class, subject, detail int) {
	n, err := fmt.Sscanf(r.words, "%1d.%3d.%3d", &class, &subject, &detail)
	if err != nil || n != 3 || class != r.code/100 {
		return 0, 0, 0
	}
	return class, subject, detail
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.code, r.words) }

// errGarbled is a reply that is none.
var errGarbled = errors.New("the server's reply is not SMTP")

const maxReplyLines = 100

// readReply reads one reply, of any number of lines. The words of a positive one are only kept where they are wanted.
func readReply(r *bufio.Reader, wanted bool) (reply, error) {
	var got reply
	for range maxReplyLines {
		line, err := r.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = errGarbled
			}
			return got, err
		}
		for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		code, more, ok := replyCode(line)
		if !ok || got.code != 0 && got.code != code {
			return got, errGarbled
		}
		got.code = code
		if len(line) > 4 && (code >= 400 || wanted && !more) {
			got.add(line[4:])
		}
		if !more {
			return got, nil
		}
	}
	return got, errGarbled
}

// replyCode reads "250 words" or "250-words, and more lines".
func replyCode(line []byte) (code int, more, ok bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		code = code*10 + int(c-'0')
	}
	return code, len(line) > 3 && line[3] == '-', code >= 200 && code < 600
}

func (r *reply) add(line []byte) {
	words := printable(string(line))
	if r.words != "" {
		words = r.words + " " + words
	}
	r.words = shorten(words)
}

// printable removes what cannot be shown or stored.
func printable(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return strings.Map(func(r rune) rune {
				if unicode.IsControl(r) || r == unicode.ReplacementChar {
					return -1
				}
				return r
			}, strings.ToValidUTF8(s, ""))
		}
	}
	return s
}

func shorten(s string) string {
	if len(s) <= channel.MaxReply {
		return s
	}
	return strings.ToValidUTF8(s[:channel.MaxReply], "")
}

// stage is what a reply answers.
type stage uint8

const (
	atMail stage = iota
	atRecipient
	atData
	atEnd // the final dot
)

var stageNames = [...]string{"MAIL FROM", "RCPT TO", "DATA", "the message"}

func (s stage) String() string { return stageNames[s] }

// judgement is whose fault a reply is.
type judgement uint8

const (
	accepted      judgement = iota
	refused                 // this message, for good
	postponed               // this message, for now
	providerFault           // nothing goes out now; the message has no part in it
	senderFault             // nothing will ever go out like this; someone must change the settings
)

// signIn are the replies that ask for other credentials, or for encryption first.
var signIn = map[int]bool{530: true, 534: true, 535: true, 538: true}

// judge says what a reply means where it was given. The table of tests in reply_test.go is its specification.
func judge(at stage, r reply) judgement {
	switch {
	case at == atData && r.code == 354, at != atData && r.code/100 == 2:
		return accepted
	case r.code/100 == 3 || r.code/100 == 2:
		return providerFault // no answer to what was said
	case r.code == 421 || r.code == 454:
		return providerFault
	case signIn[r.code]:
		return senderFault
	case at == atMail && r.code/100 == 4:
		return providerFault
	case at == atMail:
		return senderFault
	case r.code == 500, r.code == 502, r.code == 503, r.code == 504:
		return providerFault // the server does not follow; the message is not to blame
	case r.code/100 == 4:
		return postponed
	default:
		return refused
	}
}

// reason gives a refusal or postponement the machine's word: by its enhanced status where there is one, else by its code.
func reason(at stage, r reply) string {
	class, subject, detail := r.status()
	words := strings.ToLower(r.words)
	if r.code/100 == 4 {
		switch {
		case strings.Contains(words, "greylist"), strings.Contains(words, "graylist"), strings.Contains(words, "grey-list"):
			return Greylisted
		case strings.Contains(words, "rate limit"), strings.Contains(words, "too many"), strings.Contains(words, "throttl"):
			return RateLimited
		}
	}
	if class != 0 {
		if word := byStatus(class, subject, detail); word != "" {
			return word
		}
	}
	if r.code == 552 && at == atEnd {
		return MessageTooLarge
	}
	if word, ok := byCode[r.code]; ok {
		return word
	}
	if r.code/100 == 4 {
		return ProviderError
	}
	return TransactionRejected
}

var byCode = map[int]string{
	450: MailboxBusy, 451: ProviderError, 452: ProviderStorage,
	501: AddressInvalid, 550: MailboxUnavailable, 551: MailboxMoved, 552: MailboxFull, 553: AddressInvalid, 554: TransactionRejected, 556: DomainUnavailable,
}

// statusWords are keyed by subject and detail of RFC 3463 and its registry; detail -1 stands for all others of the subject.
var statusWords = map[[2]int]string{
	{1, 0}: MailboxUnavailable, {1, 1}: MailboxUnavailable, {1, 2}: DomainUnavailable, {1, 3}: AddressInvalid, {1, 4}: AddressInvalid,
	{1, 6}: MailboxMoved, {1, 7}: PolicyRejected, {1, 8}: PolicyRejected, {1, 10}: DomainUnavailable, {1, -1}: MailboxUnavailable,
	{2, 1}: MailboxDisabled, {2, 2}: MailboxFull, {2, 3}: MessageTooLarge, {2, -1}: MailboxUnavailable,
	{3, 1}: ProviderStorage, {3, 4}: MessageTooLarge, {3, -1}: ProviderError,
	{4, -1}: RouteUnavailable,
	{5, -1}: ProviderError,
	{6, 7}:  UTF8Unsupported, {6, -1}: ContentRejected,
	{7, -1}: PolicyRejected,
}

func byStatus(class, subject, detail int) string {
	if class == 4 && subject == 2 && detail != 2 {
		return MailboxBusy
	}
	if word, ok := statusWords[[2]int{subject, detail}]; ok {
		return word
	}
	return statusWords[[2]int{subject, -1}]
}

// outcome is what a refusal or postponement does to the message.
func outcome(at stage, j judgement, r reply) channel.Outcome {
	if j == accepted {
		return channel.Outcome{Verdict: channel.Sent, Reply: r.words}
	}
	o := channel.Outcome{Verdict: channel.Failed, Reason: reason(at, r), Reply: shorten(r.String())}
	if j == postponed {
		o.Verdict, o.RetryAfter = channel.Deferred, patience(r.words)
	}
	return o
}

var askedFor = regexp.MustCompile(`(?i)\b(\d{1,5}) ?(s|sec|secs|seconds?|m|min|mins|minutes?|hours?)\b`)

// patience is how long a server asks to wait ("greylisted for 300 seconds"); zero where it names no time, and never over a day.
func patience(words string) time.Duration {
	found := askedFor.FindStringSubmatch(words)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour}[found[2][0]|0x20]
	return min(time.Duration(n)*unit, 24*time.Hour)
}
