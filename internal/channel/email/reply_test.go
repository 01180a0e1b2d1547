package email

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/channel"
	"herald/internal/fault"
)

// What each reply means where it is given: the specification of judge and reason.
func TestReplies(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		at     stage
		reply  string
		want   judgement
		reason string
	}{
		{atMail, "250 2.1.0 ok", accepted, ""},
		{atMail, "421 4.3.2 closing", providerFault, ""},
		{atMail, "450 4.1.8 sender unresolvable", providerFault, ""},
		{atMail, "451 4.3.0 later", providerFault, ""},
		{atMail, "452 4.3.1 full", providerFault, ""},
		{atMail, "454 4.7.0 no authentication now", providerFault, ""},
		{atMail, "530 5.7.0 STARTTLS first", senderFault, ""},
		{atMail, "535 5.7.8 no", senderFault, ""},
		{atMail, "538 5.7.11 encrypt", senderFault, ""},
		{atMail, "550 5.7.1 not your address", senderFault, ""},
		{atMail, "553 5.1.8 unknown sender domain", senderFault, ""},
		{atMail, "354 what", providerFault, ""},
		{atRecipient, "250 2.1.5 ok", accepted, ""},
		{atRecipient, "251 will forward", accepted, ""},
		{atRecipient, "252 cannot verify", accepted, ""},
		{atRecipient, "421 4.7.0 too much", providerFault, ""},
		{atRecipient, "450 4.2.0 Greylisted for 5 minutes", postponed, Greylisted},
		{atRecipient, "450 mailbox busy", postponed, MailboxBusy},
		{atRecipient, "450 4.2.1 over rate", postponed, MailboxBusy},
		{atRecipient, "451 4.3.0 local error", postponed, ProviderError},
		{atRecipient, "451 4.7.1 please try again", postponed, PolicyRejected},
		{atRecipient, "451 4.7.650 rate limited, see", postponed, RateLimited},
		{atRecipient, "452 4.2.2 over quota", postponed, MailboxFull},
		{atRecipient, "452 4.5.3 too many recipients", postponed, RateLimited},
		{atRecipient, "452 no space", postponed, ProviderStorage},
		{atRecipient, "454 4.7.0 later", providerFault, ""},
		{atRecipient, "500 what", providerFault, ""},
		{atRecipient, "503 5.5.1 MAIL first", providerFault, ""},
		{atRecipient, "501 5.1.3 bad address", refused, AddressInvalid},
		{atRecipient, "530 5.7.0 sign in", senderFault, ""},
		{atRecipient, "550 5.1.1 unknown user", refused, MailboxUnavailable},
		{atRecipient, "550 no such user", refused, MailboxUnavailable},
		{atRecipient, "550 5.1.2 no such domain", refused, DomainUnavailable},
		{atRecipient, "550 5.1.10 null MX", refused, DomainUnavailable},
		{atRecipient, "550 5.2.1 disabled", refused, MailboxDisabled},
		{atRecipient, "550 5.7.1 blocked", refused, PolicyRejected},
		{atRecipient, "551 5.1.6 moved", refused, MailboxMoved},
		{atRecipient, "552 5.2.2 full", refused, MailboxFull},
		{atRecipient, "552 quota", refused, MailboxFull},
		{atRecipient, "553 5.6.7 needs SMTPUTF8", refused, UTF8Unsupported},
		{atRecipient, "553 bad name", refused, AddressInvalid},
		{atRecipient, "554 5.4.14 hop count", refused, RouteUnavailable},
		{atRecipient, "556 5.1.10 takes no mail", refused, DomainUnavailable},
		{atData, "354 go on", accepted, ""},
		{atData, "250 ok?", providerFault, ""},
		{atData, "451 4.3.0 later", postponed, ProviderError},
		{atData, "554 5.7.1 no", refused, PolicyRejected},
		{atData, "503 5.5.1 RCPT first", providerFault, ""},
		{atEnd, "250 2.0.0 queued as 4711", accepted, ""},
		{atEnd, "421 4.3.2 closing", providerFault, ""},
		{atEnd, "451 4.7.0 Throttled", postponed, RateLimited},
		{atEnd, "452 4.3.1 insufficient storage", postponed, ProviderStorage},
		{atEnd, "552 too big", refused, MessageTooLarge},
		{atEnd, "552 5.3.4 too big", refused, MessageTooLarge},
		{atEnd, "550 5.7.26 unauthenticated", refused, PolicyRejected},
		{atEnd, "554 spam", refused, TransactionRejected},
		{atEnd, "554 5.6.0 bad content", refused, ContentRejected},
		{atEnd, "550 4.1.1 a status of another class", refused, MailboxUnavailable},
	} {
		r, err := readReply(bufio.NewReader(strings.NewReader(row.reply+"\r\n")), true)
		require.NoError(t, err, row.reply)
		require.Equal(t, row.want, judge(row.at, r), "%s to %s", row.reply, row.at)
		switch row.want {
		case refused:
			require.Equal(t, channel.Outcome{Verdict: channel.Failed, Reason: row.reason, Reply: row.reply}, outcome(row.at, row.want, r), row.reply)
		case postponed:
			got := outcome(row.at, row.want, r)
			got.RetryAfter = 0
			require.Equal(t, channel.Outcome{Verdict: channel.Deferred, Reason: row.reason, Reply: row.reply}, got, row.reply)
		}
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]time.Duration{
		"4.2.0 Greylisted for 5 minutes":         5 * time.Minute,
		"4.7.1 Try again in 300 seconds":         300 * time.Second,
		"4.7.1 Greylisting in action, wait 180s": 180 * time.Second,
		"4.3.2 back in 2 hours":                  2 * time.Hour,
		"4.3.2 wait 99999 hours":                 24 * time.Hour,
		"4.3.0 try again later":                  0,
		"":                                       0,
	} {
		require.Equal(t, want, patience(words), words)
	}
}

func TestReadReply(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"250 ok\r\n":                              "250 ok",
		"250 ok\n":                                "250 ok",
		"250\r\n":                                 "250 ",
		"250-one\r\n250-two\r\n250 three\r\n":     "250 three",
		"550-one\r\n550 two\r\n":                  "550 one two",
		"550 a\x00b\x1b[31mc\xff\xfe\r\n":         "550 ab[31mc",
		"550 " + strings.Repeat("x", 1000) + "\n": "550 " + strings.Repeat("x", channel.MaxReply),
		"":                       "",
		"250-one\r\n":            "",
		"250-one\r\n550 two\r\n": "",
		"hello\r\n":              "",
		"25 ok\r\n":              "",
		"2500 ok\r\n":            "",
		"150 ok\r\n":             "",
		"250_ok\r\n":             "",
		"250 " + strings.Repeat("x", 5000) + "\n": "",
		strings.Repeat("250-x\r\n", 200):          "",
	} {
		r, err := readReply(bufio.NewReader(strings.NewReader(in)), true)
		require.Equal(t, want == "", err != nil, "%.40q", in)
		if want != "" {
			require.Equal(t, want, r.String())
		}
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	base := Settings{Host: "mail.example.com", Port: 587, Security: StartTLS, Connections: 10, Timeout: 30 * time.Second}
	for raw, change := range map[string]func(*Settings){
		"smtp://mail.example.com":             func(*Settings) {},
		"smtp://mail.example.com/":            func(*Settings) {},
		"smtp://mail.example.com:25?tls=none": func(s *Settings) { s.Port, s.Security = 25, Clear },
		"smtps://mail.example.com":            func(s *Settings) { s.Port, s.ImplicitTLS = 465, true },
		"smtp://u%40x:p%2Fw@mail.example.com": func(s *Settings) { s.User, s.Password, s.Security = "u@x", "p/w", Required },
		"smtp://mail.example.com?connections=40&max_messages=100&timeout=5s&helo=me.example.com&tls=required": func(s *Settings) {
			s.Connections, s.MaxMessages, s.Timeout, s.Hello, s.Security = 40, 100, 5*time.Second, "me.example.com", Required
		},
	} {
		got, err := ParseURL(raw)
		require.NoError(t, err, raw)
		want := base
		change(&want)
		require.Equal(t, want, got, raw)
	}
	local, err := ParseURL("smtp://u:p@localhost:1025")
	require.NoError(t, err)
	require.Equal(t, StartTLS, local.Security, "on this machine a password may go in clear")

	for raw, want := range map[string]string{
		"":                                    "must begin with",
		"mail.example.com:25":                 "",
		"http://mail.example.com":             "must begin with",
		"smtp://":                             "host is missing",
		"smtp://mail:0":                       "port",
		"smtp://mail:99999":                   "port",
		"smtp://mail/path":                    "nothing may follow",
		"smtp://mail?tls=maybe":               "tls must be",
		"smtps://mail?tls=none":               "always encrypted",
		"smtp://mail?connections=0":           "connections must be",
		"smtp://mail?connections=x":           "connections must be",
		"smtp://mail?max_messages=-1":         "max_messages",
		"smtp://mail?timeout=5":               "timeout must be",
		"smtp://mail?timeout=-5s":             "timeout must be",
		"smtp://mail?helo=a%20b":              "helo",
		"smtp://mail?conections=4":            "no setting",
		"smtp://u:hunter2@mail:port":          "",
		"smtp://u:hunt%er2@mail":              "",
		"smtp://u:hunter2@ma il?tls=whatever": "",
	} {
		_, err := ParseURL(raw)
		require.Error(t, err, raw)
		require.ErrorContains(t, err, want, raw)
		require.True(t, fault.Is(err, fault.InvalidPayload), raw)
		require.NotContains(t, err.Error(), "hunt")
	}
}

func TestBreakerGrows(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := &health{now: func() time.Time { return now }}
	for i := range tripAfter - 1 {
		require.Nil(t, h.failed("down", false, int32(i)))
		require.Nil(t, h.failed("down", false, int32(i)), "at the same time")
	}
	waits := []time.Duration{}
	for range 9 {
		f := h.failed("down", false, h.faults.Load())
		require.NotNil(t, f)
		require.Equal(t, fault.ProviderFault, f.Code)
		waits = append(waits, f.RetryAfter)
		require.NotNil(t, h.refuse())
		now = now.Add(f.RetryAfter)
		require.Nil(t, h.refuse())
	}
	require.Equal(t, []time.Duration{5, 10, 20, 40, 80, 160, 300, 300, 300}, seconds(waits))
	recovered, stop := h.answered(channel.Outcome{Verdict: channel.Sent}, "")
	require.True(t, recovered)
	require.Nil(t, stop)
	require.False(t, h.troubled())
	require.NotNil(t, h.failed("wrong password", true, 0), "what waiting cannot cure")
	require.Equal(t, firstWait, h.refuse().RetryAfter)
}

func seconds(list []time.Duration) []time.Duration {
	for i := range list {
		list[i] /= time.Second
	}
	return list
}

func TestPaceFollowsThePostponements(t *testing.T) {
	t.Parallel()
	h := &health{now: time.Now}
	feed := func(n int, v channel.Verdict) {
		for range n {
			h.answered(channel.Outcome{Verdict: v}, "")
		}
	}
	feed(window, channel.Sent)
	require.Zero(t, h.pace.Load())
	feed(window/2, channel.Deferred)
	require.Zero(t, h.pace.Load(), "half is not more than half")
	feed(1, channel.Deferred)
	require.EqualValues(t, firstPace, h.pace.Load())
	feed(20*window, channel.Deferred)
	require.EqualValues(t, slowestPace, h.pace.Load())
	feed(5*window, channel.Sent)
	require.Zero(t, h.pace.Load())
}
