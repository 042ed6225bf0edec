using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Iptables;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath purge</c>: removes every kernel object of an instance, and proves it. Needs neither an agent nor its state.</summary>
internal static class PurgeCommand
{
    private const int MostOfAKind = 100;

    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="parts">The backend, and which instances there are.</param>
    public static Command Create(OptionTable options, AgentParts parts)
    {
        Command verb = CommandLine.Verb(
            "purge",
            "Remove every kernel object of an instance; exit 1 when something remains",
            options.Instance,
            options.All,
            options.DryRun,
            options.Force,
            options.Json
        );
        // Not one of those above, for which a wrong configuration file is refused: it stops nobody from purging.
        verb.Add(options.ConnectionMarkBits.Symbol);
        verb.Validators.Add(result =>
        {
            if (result.GetResult(options.All.Symbol) is { Implicit: false } && result.GetResult(options.Instance.Symbol) is { Implicit: false })
            {
                result.AddError($"{options.All.Name} and {options.Instance.Name} contradict each other");
            }
        });
        verb.SetAction(parse =>
        {
            PurgeOrder order = new(options.DryRun.In(parse), options.Force.In(parse), options.ConnectionMarkBits.In(parse));
            InvocationConfiguration console = parse.InvocationConfiguration;
            try
            {
                ImmutableArray<InstanceName> instances = options.All.In(parse) ? parts.FindInstances() : [options.Instance.In(parse)];
                return Purge(console, parts, instances, order, options.Json.In(parse));
            }
            catch (Exception refusal) when (refusal is BackendException or IOException or UnauthorizedAccessException)
            {
                console.Error.WriteLine($"datapath: {refusal.Message}");
                return ExitCode.CouldNot;
            }
        });
        return verb;
    }

    private static int Purge(
        InvocationConfiguration console,
        AgentParts parts,
        ImmutableArray<InstanceName> instances,
        PurgeOrder order,
        bool asJson
    )
    {
        if (!order.Force && !order.DryRun && FindRunning(instances, parts) is { } running)
        {
            // Removing under a running agent is undone by its next change, and nobody would understand why.
            console.Error.WriteLine($"datapath: the agent of instance '{running}' is running: stop it first, or use --force");
            return ExitCode.CouldNot;
        }

        PurgeDocument answer = new(order.DryRun, [.. instances.Select(instance => Remove(parts, instance, order))]);
        console.Output.Write(asJson ? JsonSerializer.Serialize(answer, AgentJson.Indented.PurgeDocument) + "\n" : Text(answer));
        ImmutableArray<PurgedInstanceDocument> incomplete = [.. answer.Instances.Where(instance => !instance.Remaining.IsEmpty)];
        foreach (PurgedInstanceDocument instance in incomplete)
        {
            console.Error.WriteLine($"datapath: of instance '{instance.Instance}' remain {instance.Remaining.Length}");
        }

        string[] problems = [.. answer.Instances.SelectMany(instance => instance.Problems)];
        Array.ForEach(problems, problem => console.Error.WriteLine($"datapath: {problem}"));
        return problems.Length > 0 ? ExitCode.CouldNot
            : incomplete.IsEmpty || order.DryRun ? ExitCode.Done
            : ExitCode.No;
    }

    /// <summary>Removes what an instance has in the kernel, of both backends, and looks what remains. What one refuses keeps nobody from the other.</summary>
    /// <param name="parts">Both backends.</param>
    /// <param name="instance">Whose.</param>
    /// <param name="order">How.</param>
    public static PurgedInstanceDocument Remove(AgentParts parts, InstanceName instance, PurgeOrder order)
    {
        // Held until it is done: an agent that starts meanwhile would find half of what it adopts. With --force another has it.
        using InstanceLock? right = order.DryRun ? null : InstanceLock.TryTake(instance, parts.RuntimeDirectory);
        if (right is null && order is { DryRun: false, Force: false })
        {
            return new PurgedInstanceDocument(instance.Text, [], [], [$"the agent of instance '{instance}' has just been started: stop it first, or use --force"]);
        }

        ImmutableArray<string> removed = [];
        ImmutableArray<string> remaining = [];
        ImmutableArray<string> kept = [];
        ImmutableArray<string> problems = [.. ObstacleOfEbpf(parts, instance)];
        foreach (IBackend backend in Backends(parts, instance, order))
        {
            using (backend)
            {
                try
                {
                    RemovalReport report = backend.Remove(order.DryRun);
                    removed = removed.AddRange(report.Removed);
                    remaining = remaining.AddRange(report.Remaining);
                    kept = kept.AddRange(report.Kept);
                }
                catch (BackendException refusal)
                {
                    problems = problems.Add(refusal.Message);
                }
            }
        }

        return new PurgedInstanceDocument(instance.Text, removed, remaining, problems) { Kept = kept };
    }

    // Both, whichever is in use: an agent may have changed from one to the other. Where eBPF cannot be, it has left nothing.
    private static IEnumerable<IBackend> Backends(AgentParts parts, InstanceName instance, PurgeOrder order)
    {
        if (parts.FindEbpfObstacle() is null)
        {
            yield return parts.OpenEbpf(new EbpfOptions { Instance = instance.Text });
        }

        yield return parts.OpenIptables(new IptablesOptions { Instance = instance.Text, ConnectionMarkBits = order.ConnectionMarkBits, RemovesMarksAlone = true });
    }

    // Refused to this process, bpf(2) may have been allowed to the agent: then its pins are there, which every file system shows.
    private static IEnumerable<string> ObstacleOfEbpf(AgentParts parts, InstanceName instance)
    {
        if (parts.FindEbpfObstacle() is { } obstacle && EbpfBackend.FindPins(instance.Text, parts.BpfFileSystem) is { } pins)
        {
            yield return $"{pins} holds what eBPF has of instance '{instance}', and it cannot be removed: {obstacle}";
        }
    }

    private static string Text(PurgeDocument answer)
    {
        string verb = answer.DryRun ? "would remove" : "removed";
        IEnumerable<string> lines = answer.Instances.SelectMany(instance =>
            Shortened(instance.Removed)
                .Select(removed => $"{instance.Instance}: {verb} {removed}")
                .Concat(answer.DryRun ? [] : Shortened(instance.Remaining).Select(remaining => $"{instance.Instance}: remains {remaining}"))
                .Concat(instance.Kept.Select(kept => $"{instance.Instance}: leaves {kept}"))
        );
        string text = string.Concat(lines.Select(line => line + "\n"));
        return text.Length == 0 ? "nothing to remove\n" : text;
    }

    // A policy of iptables has thousands of chains, of which a person wants to know how many; a program is told each one's name.
    private static IEnumerable<string> Shortened(ImmutableArray<string> objects)
    {
        for (int first = 0, next; first < objects.Length; first = next)
        {
            string kind = Kind(objects[first]);
            for (next = first + 1; next < objects.Length && Kind(objects[next]) == kind; next++) { }

            if (next - first > MostOfAKind)
            {
                yield return $"{objects[first]} and {next - first - 1} more, the last {objects[next - 1][kind.Length..]}";
                continue;
            }

            foreach (string one in objects[first..next])
            {
                yield return one;
            }
        }
    }

    private static string Kind(string text) => text[..(text.LastIndexOf(' ') + 1)];

    private static InstanceName? FindRunning(ImmutableArray<InstanceName> instances, AgentParts parts) =>
        instances.FirstOrDefault(instance => InstanceLock.IsTaken(instance, parts.RuntimeDirectory));

    /// <summary>How to purge.</summary>
    /// <param name="DryRun">Only look.</param>
    /// <param name="Force">Even if the agent runs.</param>
    /// <param name="ConnectionMarkBits">The bits of the connection mark that the agent used.</param>
    public sealed record PurgeOrder(bool DryRun, bool Force, uint ConnectionMarkBits);
}
