// Plants every fault of tests/mutants in a copy of the tree and sees the tests notice. Exit 0: all are caught, 1: one survives, 2: could not try.
using System.Diagnostics;
using Datapath.Interop.Processes;
using Datapath.Mutants;

const string Copy = "out/mutants/tree";
string root = Environment.CurrentDirectory;
try
{
    Mutant[] mutants = [.. Mutant.ReadAll(root).Where(one => args.Length == 0 || args.Any(name => one.Name.Contains(name, StringComparison.Ordinal)))];
    if (mutants.Length == 0)
    {
        throw new MutantException($"no mutant is named like {string.Join(", ", args)}");
    }

    Mutant[] tried = [.. mutants.Where(one => !one.NeedsRoot || Environment.IsPrivilegedProcess)];
    TreeCopy tree = TreeCopy.Synchronize(root, Path.Combine(root, Copy));
    foreach (Mutant mutant in tried)
    {
        // Said now, and not after an hour of building.
        mutant.Plant(await File.ReadAllTextAsync(Path.Combine(tree.Root, mutant.File)));
    }

    var store = new CaughtStore(Path.Combine(root, "out/mutants/caught"), tree.Fingerprint);
    // Agreement is found or lost in the first few thousand decisions.
    Environment.SetEnvironmentVariable("DATAPATH_PROPERTY_DECISIONS", "40000");
    var workshop = new Workshop(tree, Environment.GetEnvironmentVariable("CONFIGURATION") ?? "Release");
    Mutant[] pending = [.. tried.Where(one => store.Find(one.Name) is null)];
    if (pending.Length > 0)
    {
        await Say($"building the copy and running the tests of {pending.Length} mutants without a fault");
        await workshop.PrepareAsync(pending);
    }

    var rows = new List<(Mutant Mutant, Caught? How)>();
    foreach ((int number, Mutant mutant) in tried.Index())
    {
        Caught? how = store.Find(mutant.Name);
        if (how is null)
        {
            long start = Stopwatch.GetTimestamp();
            string? test = await workshop.TryAsync(mutant);
            int seconds = (int)Math.Ceiling(Stopwatch.GetElapsedTime(start).TotalSeconds);
            how = test is null ? null : new Caught(test, seconds);
            await Say($"{number + 1,3}/{tried.Length} {mutant.Name}: {(test is null ? "SURVIVES" : $"caught by {test}")}, {seconds} s");
            if (how is not null)
            {
                store.Add(mutant.Name, how);
            }
        }

        rows.Add((mutant, how));
    }

    Print(rows, [.. mutants.Except(tried)]);
    return rows.Exists(row => row.How is null) ? 1 : 0;
}
catch (Exception exception) when (exception is MutantException or CommandException or IOException)
{
    await Console.Error.WriteLineAsync($"error: {exception.Message}");
    return 2;
}

static Task Say(string line) => Console.Error.WriteLineAsync($"[mutants] {line}");

static void Print(List<(Mutant Mutant, Caught? How)> rows, Mutant[] skipped)
{
    int width = rows.Select(row => row.Mutant.Name.Length).Concat(skipped.Select(one => one.Name.Length)).Max();
    int tests = rows.Select(row => row.How?.Test.Length ?? 8).Append(9).Max();
    Console.WriteLine($"{"mutant".PadRight(width)}  {"caught by".PadRight(tests)}  seconds  fault");
    foreach ((Mutant mutant, Caught? how) in rows)
    {
        Console.WriteLine($"{mutant.Name.PadRight(width)}  {(how?.Test ?? "SURVIVES").PadRight(tests)}  {how?.Seconds ?? 0,7}  {mutant.Fault}");
    }

    foreach (Mutant mutant in skipped)
    {
        Console.WriteLine($"{mutant.Name.PadRight(width)}  {"not tried: needs root".PadRight(tests)}  {0,7}  {mutant.Fault}");
    }

    Console.WriteLine($"{rows.Count(row => row.How is not null)} caught, {rows.Count(row => row.How is null)} survive, {skipped.Length} not tried");
}
