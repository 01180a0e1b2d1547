package workflows

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/async"
	"herald/internal/id"
)

var codes *activities.Codes

// codesOrdered carries the id of an async action that asks for codes.
const codesOrdered = "codes-ordered"

// CodesState is all that a run of GenerateCodes knows.
type CodesState struct {
	activities.CampaignRef
	Orders []uuid.UUID // async actions, the first of them under way
}

// GenerateCodes makes the codes of one campaign, one order after the other, and then tells the distributions that wait for
// them. Each order arrives by signal.
func GenerateCodes(ctx workflow.Context, state CodesState) error {
	channel := workflow.GetSignalChannel(ctx, codesOrdered)
	for {
		for {
			var action uuid.UUID
			if !channel.ReceiveAsync(&action) {
				break
			}
			state.Orders = append(state.Orders, action)
		}
		if len(state.Orders) == 0 {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, GenerateCodes, state)
		}
		if err := state.generate(ctx, state.Orders[0]); err != nil {
			return err
		}
		state.Orders = state.Orders[1:]
	}
}

// generate makes the codes of one order. A step makes a bounded number of them, so that one sees how far it is.
func (s CodesState) generate(ctx workflow.Context, action uuid.UUID) error {
	ref := activities.CodesRef{CampaignRef: s.CampaignRef, ActionID: action}
	end := activities.CodesEnd{CodesRef: ref}
	summary := "make codes"
	for {
		made, err := call(heavy(ctx, summary), codes.GenerateVoucherCodes, ref)
		if neverOrdered(err) {
			return nil
		}
		if err != nil {
			if temporal.IsCanceledError(err) {
				return err
			}
			end.Failure = messageOf(err)
			break
		}
		end.Made = made.Made
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("Made **%d** of %d codes for %s.\n\n%d more orders wait.",
			made.Made, made.Wanted, id.AsyncAction.Format(action), len(s.Orders)-1))
		if made.Done() {
			break
		}
		summary = fmt.Sprintf("make codes %d of %d", made.Made, made.Wanted)
	}
	if err := do(ledger(ctx, "record the end"), codes.EndGeneration, end); err != nil {
		return err
	}
	return announce(ctx, s.CampaignRef)
}

// announce tells the distributions that paused for want of the campaign's codes.
func announce(ctx workflow.Context, campaign activities.CampaignRef) error {
	_, err := call(ledger(ctx, "tell distributions that wait for codes"), codes.AnnounceCodes, campaign)
	return err
}

// ImportCodes writes the vouchers that one request brought.
func ImportCodes(ctx workflow.Context, ref activities.CodesRef) error {
	imported, err := call(heavy(ctx, "import codes"), codes.ImportVoucherCodes, ref)
	if neverOrdered(err) {
		return nil
	}
	if err != nil {
		return failAction(ctx, ref, err)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Imported **%d** vouchers; %d were refused.", imported.DoneCount, imported.FailedCount))
	if ref.CampaignID == (uuid.UUID{}) || imported.DoneCount == 0 {
		return nil
	}
	return announce(ctx, ref.CampaignRef)
}

// DeleteCampaign deletes a campaign with its vouchers.
func DeleteCampaign(ctx workflow.Context, ref activities.CodesRef) error {
	deleted, err := call(heavy(ctx, "delete vouchers"), codes.DeleteCampaignVouchers, ref)
	if neverOrdered(err) {
		return nil
	}
	if err != nil {
		return failAction(ctx, ref, err)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Deleted **%d** vouchers and the campaign.", deleted))
	return nil
}

// UpdateVouchers brings what a changed campaign says to its vouchers that nobody has yet.
func UpdateVouchers(ctx workflow.Context, ref activities.CodesRef) error {
	changed, err := call(heavy(ctx, "update vouchers"), codes.AdoptCampaignChange, ref)
	if neverOrdered(err) {
		return nil
	}
	if err != nil {
		return failAction(ctx, ref, err)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Updated **%d** vouchers.", changed))
	return nil
}

// MergeMetadata merges metadata into many vouchers.
func MergeMetadata(ctx workflow.Context, ref activities.CodesRef) error {
	merged, err := call(heavy(ctx, "merge metadata"), codes.MergeVoucherMetadata, ref)
	if neverOrdered(err) {
		return nil
	}
	if err != nil {
		return failAction(ctx, ref, err)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Updated **%d** vouchers; %d could not be.", merged.DoneCount, merged.FailedCount))
	return nil
}

// failAction ends an action that no retry can do.
func failAction(ctx workflow.Context, ref activities.CodesRef, err error) error {
	if temporal.IsCanceledError(err) {
		return err
	}
	return do(ledger(ctx, "record the failure"), codes.FailVoucherAction, activities.CodesEnd{CodesRef: ref, Failure: messageOf(err)})
}

func neverOrdered(err error) bool {
	var application *temporal.ApplicationError
	return errors.As(err, &application) && application.Type() == activities.NeverOrdered
}

// messageOf is what an error says, without the engine's words around it.
func messageOf(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application.Message()
	}
	return err.Error()
}

// codesID is the one place that knows how a campaign's generation is called.
func codesID(project, campaign uuid.UUID) string {
	return "codes/" + id.Project.Format(project) + "/" + id.Campaign.Format(campaign)
}

// OrderCodes hands an order for codes to the campaign's run, and starts that where there is none.
func (f Flows) OrderCodes(ctx context.Context, project, campaign, action uuid.UUID) error {
	ref := activities.CampaignRef{ProjectID: project, CampaignID: campaign}
	_, err := f.Client.SignalWithStartWorkflow(ctx, codesID(project, campaign), codesOrdered, action, client.StartWorkflowOptions{
		TaskQueue: Queue, StaticSummary: "make codes for " + id.Campaign.Format(campaign),
		TypedSearchAttributes: codesAttributes(project, &campaign),
	}, GenerateCodes, CodesState{CampaignRef: ref})
	return refused(err)
}

// WorkOnVouchers starts the run of an action on many vouchers, those of a campaign where there is one.
func (f Flows) WorkOnVouchers(ctx context.Context, actionType string, project uuid.UUID, campaign *uuid.UUID, action uuid.UUID) error {
	var run any
	switch actionType {
	case async.VouchersDelete:
		run = DeleteCampaign
	case async.VouchersUpdate:
		run = UpdateVouchers
	case async.VouchersBulkUpdate, async.VouchersMetadataUpdate:
		run = MergeMetadata
	default:
		run = ImportCodes
	}
	ref := activities.CodesRef{CampaignRef: activities.CampaignRef{ProjectID: project}, ActionID: action}
	if campaign != nil {
		ref.CampaignID = *campaign
	}
	_, err := f.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: vouchersID(project, action), TaskQueue: Queue,
		StaticSummary: actionType, TypedSearchAttributes: codesAttributes(project, campaign),
	}, run, ref)
	return refused(err)
}

// vouchersID is the one place that knows how the run of an action on many vouchers is called.
func vouchersID(project, action uuid.UUID) string {
	return "vouchers/" + id.Project.Format(project) + "/" + id.AsyncAction.Format(action)
}

func codesAttributes(project uuid.UUID, campaign *uuid.UUID) temporal.SearchAttributes {
	attributes := []temporal.SearchAttributeUpdate{projectAttribute.ValueSet(id.Project.Format(project))}
	if campaign != nil {
		attributes = append(attributes, campaignAttribute.ValueSet(id.Campaign.Format(*campaign)))
	}
	return temporal.NewSearchAttributes(attributes...)
}
