// What the verifier walks for each program of the shipped object, against the record in bpf/verifier-budget.txt.
//
//   verifier-budget OBJECT RECORD            prints
//   verifier-budget OBJECT RECORD --check    exit 1 when a program grew by more than a tenth, or is not in the record of this kernel
//   verifier-budget OBJECT RECORD --update   writes the record of this kernel
//
// Growth is not forbidden, it has to be meant: limits of old kernels are otherwise found by those who run them.
using Datapath.Interop;
using Datapath.VerifierBudget;

if (args is not [var objectPath, var recordPath, .. var mode] || mode is not ([] or ["--check"] or ["--update"]))
{
    await Console.Error.WriteLineAsync("usage: verifier-budget OBJECT RECORD [--check|--update]");
    return 2;
}

try
{
    BudgetRecord record = BudgetRecord.Parse(await File.ReadAllTextAsync(recordPath));
    IReadOnlyList<Measurement> measured = Measurement.OfObject(await File.ReadAllBytesAsync(objectPath));
    foreach (Measurement one in measured)
    {
        Console.WriteLine($"{one.Program,-16} {one.Instructions,8} instructions verified, {record.Describe(one)}");
    }

    if (mode is ["--update"])
    {
        await File.WriteAllTextAsync(recordPath, record.With(measured).ToString());
        return 0;
    }

    string[] complaints = [.. measured.Select(record.ComplaintAbout).OfType<string>()];
    foreach (string complaint in complaints)
    {
        await Console.Error.WriteLineAsync(complaint);
    }

    return mode is ["--check"] && complaints.Length > 0 ? 1 : 0;
}
catch (Exception refusal) when (refusal is KernelException or IOException or FormatException)
{
    await Console.Error.WriteLineAsync($"error: {refusal.Message}");
    return 2;
}
