using System.Collections.Immutable;
using System.Net.Sockets;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Demo;

/// <summary>Reads the checked-in table of an example: one line for each judgement, adjoining lines of one attempt together.</summary>
internal static class ExpectedTable
{
    private const int Columns = 9;

    /// <summary>Reads the table.</summary>
    /// <param name="fileName">Named in errors.</param>
    /// <param name="text">Columns from, to, ip, what, verdict, unit, direction, ruleset, rule; <c>#</c> begins a comment line.</param>
    /// <exception cref="LabException">A line does not read.</exception>
    public static ImmutableArray<Attempt> Read(string fileName, string text)
    {
        var attempts = ImmutableArray.CreateBuilder<Attempt>();
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (line.TrimStart() is "" or ['#', ..])
            {
                continue;
            }

            try
            {
                Append(attempts, ReadLine(line));
            }
            catch (FormatException exception)
            {
                throw new LabException($"{fileName}:{number}: {exception.Message}");
            }
        }

        return attempts.ToImmutable();
    }

    private static void Append(ImmutableArray<Attempt>.Builder attempts, Attempt next)
    {
        if (attempts.Count > 0 && IsSameAttempt(attempts[^1], next))
        {
            attempts[^1] = attempts[^1] with { Judgements = [.. attempts[^1].Judgements, .. next.Judgements] };
        }
        else
        {
            attempts.Add(next);
        }
    }

    private static bool IsSameAttempt(Attempt one, Attempt other) =>
        one with { Judgements = [] } == other with { Judgements = [] };

    private static Attempt ReadLine(string line)
    {
        // The rule, last, may contain blanks.
        var cells = line.Split((char[]?)null, Columns, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (cells.Length != Columns)
        {
            throw new FormatException($"{cells.Length} columns instead of {Columns}");
        }

        var family = cells[2] switch
        {
            "4" => AddressFamily.InterNetwork,
            "6" => AddressFamily.InterNetworkV6,
            _ => throw new FormatException($"'{cells[2]}' is neither 4 nor 6"),
        };
        var isAllowed = cells[4] switch
        {
            "allow" => true,
            "reject" => false,
            _ => throw new FormatException($"'{cells[4]}' is neither allow nor reject"),
        };
        var judgement = new Judgement(cells[5], cells[6], cells[7], cells[8]);
        return new Attempt(cells[0], cells[1], family, Service.Parse(cells[3]), isAllowed, [judgement]);
    }
}
