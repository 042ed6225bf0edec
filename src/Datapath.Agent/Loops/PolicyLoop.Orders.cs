using System.Globalization;
using Datapath.Agent.Files;
using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Policy.Options;

namespace Datapath.Agent.Loops;

/// <content>Orders: what somebody wants done now, and whom to tell what came of it.</content>
internal sealed partial class PolicyLoop
{
    private void RefuseOrders()
    {
        while (_orders.TryDequeue(out PolicyOrder? order))
        {
            order.Answer(OrderOutcome.CouldNot("the agent stops"));
        }
    }

    private async Task CarryOutAsync(PolicyOrder order, CancellationToken stop)
    {
        try
        {
            OrderOutcome outcome = await TryAsync(order, stop);
            // Before the answer: who has it finds both.
            _audit.Order(order, outcome, _generation);
            Publish();
            order.Answer(outcome);
        }
        finally
        {
            // Whoever waits is told even if the loop ends by a bug.
            order.Answer(OrderOutcome.CouldNot("the agent stops"));
        }
    }

    private async Task<OrderOutcome> TryAsync(PolicyOrder order, CancellationToken stop)
    {
        try
        {
            return order.Kind switch
            {
                OrderKind.Apply => await ApplyAsync(order, stop),
                OrderKind.Confirm => Confirm(),
                OrderKind.Rollback => await RollBackAsync(stop),
                OrderKind.Pause => Pause(order.Time ?? PolicyOrder.LongestTime),
                OrderKind.Resume => Resume(),
                _ => await ReloadAsync(order, stop),
            };
        }
        catch (Exception refusal) when (refusal is BackendException or IOException or UnauthorizedAccessException)
        {
            return OrderOutcome.CouldNot(refusal.Message);
        }
    }

    private async Task<OrderOutcome> ApplyAsync(PolicyOrder order, CancellationToken stop)
    {
        if (WhyNotNow(order.Time) is { } reason)
        {
            return OrderOutcome.CouldNot(reason);
        }

        var version = PolicyVersion.Of(await PolicyFileReader.ReadNamedAsync([order.Path], stop));
        HostSnapshot host = _host!;
        Enforcer.ReleaseOldNumbers();
        PolicyBuild check = Enforcer.Check(version, host);
        if (check.Policy is null)
        {
            // The directory stays as it is: what has errors is nobody's candidate.
            _report.RefusedBeforehand();
            return OrderOutcome.Refused("the policy has errors and is not applied", check.Diagnostics);
        }

        _trials.Forgive(version);
        if (order.Time is not null)
        {
            _trials.Begin(version);
        }

        Enforcement done;
        try
        {
            new CandidateDirectory(Settings.PolicyDirectory).Replace(version.Content);
            await TakeInFilesAsync(stop);
            done = Enforcer.Enforce(version, host, order.Time);
        }
        catch when (order.Time is not null)
        {
            EndTrial();
            throw;
        }

        return Applied(version, done, order.Time);
    }

    private string? WhyNotNow(TimeSpan? confirmWithin)
    {
        if (_trials.Pending is not null)
        {
            return $"generation {_generation} waits for confirmation: confirm it or roll it back first";
        }

        if (_host is null)
        {
            return "the host's interfaces could not be read yet";
        }

        bool isPaused = Backend.Ask(backend => backend.ReadLease()) is { Kind: LeaseKind.Pause, IsOver: false };
        return (confirmWithin, isPaused, _inForce) switch
        {
            (null, _, _) => null,
            (_, true, _) => "enforcement is paused: resume first, a trial needs packets to be judged",
            (_, _, null) => "there is no policy in force to fall back to",
            _ => null,
        };
    }

    private OrderOutcome Applied(PolicyVersion version, Enforcement done, TimeSpan? confirmWithin)
    {
        if (!done.IsInForce)
        {
            if (confirmWithin is not null)
            {
                EndTrial();
            }

            _report.NotInForce(version.Files, done, _generation);
            bool isTriedAgain = confirmWithin is null && TryLater(done);
            return OrderOutcome.Refused($"the policy was not taken: {done.Problem}{(isTriedAgain ? "; it is in the policy directory, and tried again" : "")}", done.Diagnostics);
        }

        if (confirmWithin is null)
        {
            _trials.NoteConfirmed(version);
        }

        PutInForce(version, done, isCandidate: true);
        TryLater(done);
        if (confirmWithin is not { } time)
        {
            return OrderOutcome.Done($"generation {_generation} is in force", done.Diagnostics);
        }

        _report.OnTrial(_generation, time);
        return OrderOutcome.Done(
            string.Create(CultureInfo.InvariantCulture, $"generation {_generation} is in force for {time.TotalSeconds:F0} s: `datapath confirm` keeps it"),
            done.Diagnostics
        );
    }

    private OrderOutcome Confirm()
    {
        if (_trials.Pending is null)
        {
            string rolledBack = _trials.RolledBack is { } hash ? $"; policy {hash[..PolicySet.ShortHashLength]} was rolled back" : "";
            return OrderOutcome.CouldNot($"no policy waits for confirmation{rolledBack}");
        }

        if (Backend.Ask(backend => backend.ReadLease()) is not { Kind: LeaseKind.Confirm, IsOver: false })
        {
            SettleLease();
            return OrderOutcome.Refused("it is too late: the policy before is back");
        }

        // On disk first: killed in between, the next agent finds it confirmed and tells the kernel.
        _trials.Confirm();
        if (!Backend.Ask(backend => backend.Confirm()))
        {
            SettleLease();
            FollowFromNowOn();
            return OrderOutcome.Done("the time was over in this moment: the policy is put in force again");
        }

        _trials.End();
        _report.Confirmed(_generation);
        FollowFromNowOn();
        return OrderOutcome.Done($"generation {_generation} is confirmed");
    }

    private async Task<OrderOutcome> RollBackAsync(CancellationToken stop)
    {
        if (_trials.Pending is not null)
        {
            FallBack();
            FollowFromNowOn();
            return OrderOutcome.Done($"generation {_generation} is in force again");
        }

        if (await _trials.ReadPreviousAsync(stop) is not { } previous || _host is null)
        {
            return OrderOutcome.CouldNot("there is no policy to go back to");
        }

        if (_candidate is null)
        {
            await TakeInFilesAsync(stop);
        }

        Enforcement done = Enforcer.Enforce(previous, _host);
        if (!done.IsInForce)
        {
            return OrderOutcome.Refused($"the policy before was not taken: {done.Problem}", done.Diagnostics);
        }

        PutInForce(previous, done);
        _trials.NoteRolledBackTo(previous, _candidate);
        FollowFromNowOn();
        return OrderOutcome.Done($"generation {_generation} is in force, the policy before the last one confirmed");
    }

    private OrderOutcome Pause(TimeSpan time)
    {
        Backend.Ask(backend =>
        {
            backend.Pause(time);
            return true;
        });
        _report.Paused(time);
        return OrderOutcome.Done(string.Create(CultureInfo.InvariantCulture, $"everything passes for {time.TotalSeconds:F0} s: `datapath resume` ends it"));
    }

    private OrderOutcome Resume()
    {
        if (!Backend.Ask(backend => backend.Resume()))
        {
            return OrderOutcome.CouldNot("enforcement is not paused");
        }

        _report.Resumed();
        return OrderOutcome.Done($"packets are judged by generation {_generation} again");
    }

    private async Task<OrderOutcome> ReloadAsync(PolicyOrder order, CancellationToken stop)
    {
        PolicyChange news = await TakeInFilesAsync(stop) ? PolicyChange.Files : PolicyChange.None;
        if (order.Options is { } options && !AreEqual(options, Enforcer.Options))
        {
            Enforcer.Options = options;
            // Not only files: what is in force means something else now, whatever the directory holds.
            news |= PolicyChange.Retry;
        }

        if (news != PolicyChange.None && _host is not null && !Follow(news))
        {
            _trigger.Raise(PolicyChange.Retry);
        }

        return OrderOutcome.Done($"generation {_generation} is in force");
    }

    private static bool AreEqual(PolicyOptions one, PolicyOptions other) =>
        one with { Failsafe = [] } == other with { Failsafe = [] } && one.Failsafe.SequenceEqual(other.Failsafe);

    // Nobody will notice by himself that an interface takes now what it refused.
    private bool TryLater(Enforcement done)
    {
        if (done.IsToBeTriedAgain)
        {
            _trigger.Raise(PolicyChange.Retry);
        }

        return done.IsToBeTriedAgain;
    }

    // Whatever was refused: what the kernel has switched to already goes back.
    private void EndTrial()
    {
        if (Backend.Ask(backend => backend.ReadLease()).Kind == LeaseKind.Confirm)
        {
            FallBack();
        }
        else
        {
            _trials.NoteRolledBack();
        }
    }

    // The directory may have changed while nobody looked at it.
    private void FollowFromNowOn()
    {
        _candidate = null;
        _trigger.Raise(PolicyChange.Files | PolicyChange.Retry);
    }
}
