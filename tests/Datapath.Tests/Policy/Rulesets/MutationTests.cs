using System.Text;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

/// <summary>Random damage to good and bad files: the reader answers with objects and diagnostics, never with an exception.</summary>
public sealed class MutationTests(ITestOutputHelper output)
{
    private const int UsualMutants = 4_000;

    private static readonly string[] Splinters =
    [
        "[", "]", "{", "}", ":", ": ", "- ", "? ", "&a ", "*a", "!", "!!str ", "!<x>", "|", ">", "|9\n", "\"", "'", "#", "%YAML 9.9\n", "%TAG ! x\n", "---\n", "...\n",
        "\n", "\r", "\t", "  ", "<<: ", "~", "null", ",", "\\", "\\u", "\\ud83d", "\\x0", "\ufeff", "\u2028", "\0", "\ud800", "😀", "@", "`", "0x", "1e999", "/", "\n\n  a",
    ];

    [Fact]
    public void Damaged_files_never_throw()
    {
        int seed = Setting("DATAPATH_SEED") ?? Environment.TickCount;
        int mutants = Setting("DATAPATH_MUTANTS") ?? UsualMutants;
        output.WriteLine($"seed {seed}, {mutants} mutants (DATAPATH_SEED and DATAPATH_MUTANTS repeat it)");
        Random random = new(seed);
        string[] originals = [.. Originals("ok"), .. Originals("fail")];
        int refused = 0;
        for (int i = 0; i < mutants; i++)
        {
            string text = Damage(originals[random.Next(originals.Length)], random);
            refused += ReadOrExplain(text, seed, i).HasErrors ? 1 : 0;
        }

        // Both kinds have to occur, or the damage is too small or too great to test anything.
        Assert.InRange(refused, mutants / 10, mutants - (mutants / 100));
    }

    private static int? Setting(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), out int value) ? value : null;

    private static PolicyReading ReadOrExplain(string text, int seed, int number)
    {
        try
        {
            PolicyReading reading = PolicyReader.Read("mutant.yaml", text);
            Assert.All(reading.Diagnostics, static d => Assert.True(d.At.Line >= 1 && d.At.Column >= 1));
            Assert.DoesNotContain('\0', DiagnosticText.Render(reading.Diagnostics));
            return reading;
        }
        catch (Exception problem)
        {
            throw new InvalidOperationException($"seed {seed}, mutant {number}:\n{text}", problem);
        }
    }

    private static IEnumerable<string> Originals(string suite) =>
        Corpus.Cases(suite).SelectMany(row => Corpus.PolicyFiles(suite, row.Data)).Select(static file => file.Text);

    private static string Damage(string original, Random random)
    {
        StringBuilder text = new(original);
        for (int blow = random.Next(1, 6); blow > 0; blow--)
        {
            int at = random.Next(text.Length + 1);
            int length = Math.Min(random.Next(1, 12), text.Length - at);
            switch (random.Next(5))
            {
                case 0:
                    text.Remove(at, length);
                    break;
                case 1:
                    text.Insert(at, text.ToString(at, length));
                    break;
                case 2:
                    text.Insert(at, (char)random.Next(0x20, 0x300));
                    break;
                case 3:
                    text.Length = random.Next(8) == 0 ? at : text.Length;
                    break;
                default:
                    text.Insert(at, Splinters[random.Next(Splinters.Length)]);
                    break;
            }
        }

        return text.ToString();
    }
}
