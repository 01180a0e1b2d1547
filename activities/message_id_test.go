package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"herald/internal/channel/email"
	"herald/internal/distribution"
)

func TestMessageIDsAreOfTheSendersDomain(t *testing.T) {
	t.Parallel()
	letter, err := email.ForChannel(distribution.Channel{
		Subject: "Hi", From: "Shop <news@shop.example>", Template: &distribution.Template{Text: "Hi"},
	})
	require.NoError(t, err)
	require.Equal(t, "msg_1.1@shop.example", messageIDOf("msg_1.1", "", letter))
	require.Equal(t, "msg_1.1@mail.example", messageIDOf("msg_1.1", "mail.example", letter))
}
