package e2e_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// deviation is a place where answers may differ from the public documents. Schemas are named from their component on.
type deviation struct {
	because  string
	null     []string // what may be null
	absent   []string // properties that may be absent
	whatever []string // what may be of any type
	list     []string // components that are a list of themselves
}

// deviations are all of them. Where the reason is the documents' own examples, those do not hold against their schemas either.
var deviations = []deviation{
	{
		because: "the documents' own examples show null",
		null: []string{
			"VoucherBase.additional_info", "VoucherBase.campaign", "VoucherBase.campaign_id", "VoucherBase.category", "VoucherBase.category_id",
			"VoucherBase.expiration_date", "VoucherBase.gift", "VoucherBase.loyalty_card", "VoucherBase.redemption.quantity",
			"VoucherBase.start_date", "VoucherBase.updated_at", "Discount", "ValidityDayOfWeek", "ValidityTimeframe",
			"RedeemableVoucher.additional_info", "RedeemableVoucher.category_id", "RedeemableVoucher.expiration_date",
			"RedeemableVoucher.loyalty_card", "RedeemableVoucher.redemption.quantity", "RedeemableVoucher.start_date",
			"LoyaltyMember.additional_info", "LoyaltyMember.category", "LoyaltyMember.category_id", "LoyaltyMember.expiration_date",
			"LoyaltyMember.redemption.quantity", "LoyaltyMember.start_date",
			"PromotionTier.campaign.expiration_date", "PromotionTier.campaign.start_date", "PromotionTier.category_id",
			"RedemptionRewardResult.parameters.product.sku_id", "RedemptionRewardResult.updated_at", "ExportScheduledBase.user_id",
			"7_obj_order_object_apply_to_order.referrer_id", "7_obj_order_object_apply_to_order.source_id", "7_obj_order_object_apply_to_order.updated_at",
		},
	},
	{
		because: "the documents' own examples leave them out",
		absent: []string{
			"CustomerWithSummaryLoyaltyReferrals.loyalty", "CustomerWithSummaryLoyaltyReferrals.referrals", "CustomerWithSummaryLoyaltyReferrals.summary",
			"Gift.balance", "LoyaltyPointsBucket.expires_at", "RedemptionRewardResult.reward",
		},
	},
	{
		because: "what leaves nothing behind cannot be counted, and 0 would be untrue",
		absent: []string{
			"CampaignsSummaryCampaignBase.validations", "CampaignsSummaryCampaignBase.validations_succeeded",
			"CampaignsSummaryCampaignBase.validations_failed", "CampaignsSummaryVouchersPublications.vouchers_deleted",
			"CampaignsSummaryGift.amount_deleted", "CampaignsSummaryLoyalty.points_deleted", "CampaignsSummaryLoyalty.pending_points_subtracted",
		},
	},
	{
		because: "a tier that ends with its period is not extended",
		absent:  []string{"LoyaltyTiersExpirationAll.expiration_date.extend"},
	},
	{
		because:  "the documents' own examples show true, and texts of more than one character",
		whatever: []string{"LoyaltiesMembersTransfersCreateResponseBody.active", "VoucherTransactionsExportFilterConditions.voucher_id.conditions.$in[]"},
	},
	{
		because: "the documents' own example shows a list",
		list:    []string{"LoyaltiesRewardsCreateAssignmentResponseBody"},
	},
	{
		because: "a voucher without a campaign is shown so everywhere else",
		null:    []string{"RedeemableVoucher.campaign", "RedeemableVoucher.campaign_id", "VoucherTransactionBase.campaign_id"},
	},
	{
		because: "a redemption without an order is shown so in lists of redemptions",
		null:    []string{"7_obj_order_object_apply_to_order"},
	},
	{
		because:  "a campaign is shown so everywhere else",
		null:     []string{"2_obj_campaign_object_campaigns_qualification.category_id"},
		whatever: []string{"2_obj_campaign_object_campaigns_qualification.categories", "2_obj_campaign_object_voucher_object_DISCOUNT.code_config.length"},
	},
	{
		because:  "the request takes any channel",
		whatever: []string{"PublicationsCreateBaseResponseBody.channel"},
	},
	{
		because: "there is no catalogue: of a product, the ids alone are known",
		absent: []string{
			"ProductWithoutSkus.attributes", "ProductWithoutSkus.metadata", "ProductWithoutSkus.name", "ProductWithoutSkus.price", "ProductWithoutSkus.source_id",
		},
	},
	{
		because:  "consents, which the documents once had, are told among the activity",
		whatever: []string{"CustomerActivity.type"},
	},
}

// publicAPI is the public OpenAPI documents with the deviations. Of what they offer as oneOf, an answer may fit several: they
// overlap, so that the documents' own examples fit several, too.
func publicAPI(t *testing.T) *openapi3.T {
	t.Helper()
	file, err := os.Open("sdk/testdata/public-api.json.gz")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	unpacked, err := gzip.NewReader(file)
	require.NoError(t, err)
	text, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
	for ref := range places(doc) {
		if ref.Ref == "" {
			ref.Value.AnyOf, ref.Value.OneOf = append(ref.Value.AnyOf, ref.Value.OneOf...), nil
		}
	}
	for _, d := range deviations {
		d.apply(t, doc)
	}
	return doc
}

func (d deviation) apply(t *testing.T, doc *openapi3.T) {
	t.Helper()
	for _, name := range d.null {
		for _, schema := range schemasAt(t, doc, name) {
			schema.Nullable = true
		}
	}
	for _, name := range d.whatever {
		for _, schema := range schemasAt(t, doc, name) {
			*schema = openapi3.Schema{}
		}
	}
	for _, name := range d.list {
		schema := doc.Components.Schemas[name].Value
		one := *schema
		*schema = openapi3.Schema{Type: &openapi3.Types{openapi3.TypeArray}, Items: one.NewRef()}
	}
	for _, name := range d.absent {
		dot := strings.LastIndex(name, ".")
		required := false
		for _, schema := range schemasAt(t, doc, name[:dot]) {
			required = required || slices.Contains(schema.Required, name[dot+1:])
			schema.Required = slices.DeleteFunc(schema.Required, func(property string) bool { return property == name[dot+1:] })
		}
		require.True(t, required, "%s may be absent anyway", name)
	}
}

// schemasAt are the schemas that stand there, which are several where parts of a whole say something of the same property. One
// that stands there by reference becomes one of its own, because what refers to it elsewhere stays as it is.
func schemasAt(t *testing.T, doc *openapi3.T, name string) (found []*openapi3.Schema) {
	t.Helper()
	for ref, at := range places(doc) {
		if at != name {
			continue
		}
		if ref.Ref != "" {
			own := *ref.Value
			*ref = openapi3.SchemaRef{Value: &own}
		}
		found = append(found, ref.Value)
	}
	require.NotEmpty(t, found, "there is no %s in the public documents", name)
	return found
}

// places says where each schema of the document stands, itself or by reference: Component.property.list[].
func places(doc *openapi3.T) map[*openapi3.SchemaRef]string {
	names := map[*openapi3.SchemaRef]string{}
	var walk func(at string, refs ...*openapi3.SchemaRef)
	walk = func(at string, refs ...*openapi3.SchemaRef) {
		for _, ref := range refs {
			if ref == nil {
				continue
			}
			if names[ref] = at; ref.Ref != "" {
				continue // what it refers to has a place of its own
			}
			for property, inner := range ref.Value.Properties {
				walk(at+"."+property, inner)
			}
			walk(at+"[]", ref.Value.Items)
			walk(at+".*", ref.Value.AdditionalProperties.Schema)
			walk(at, slices.Concat(ref.Value.AllOf, ref.Value.AnyOf, ref.Value.OneOf)...)
		}
	}
	for name, ref := range doc.Components.Schemas {
		walk(name, ref)
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				for _, content := range response.Value.Content {
					walk(fmt.Sprintf("%s %s %s", method, path, status), content.Schema)
				}
			}
		}
	}
	return names
}
