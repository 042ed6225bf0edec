using System.Text;

namespace Datapath.Bindgen.Writing;

/// <summary>How names of C become names of C#.</summary>
internal abstract class Naming
{
    /// <summary>C's names as they are: whoever knows libbpf finds what he knows.</summary>
    internal static Naming AsInC { get; } = new CNaming();

    /// <summary>C#'s custom: <c>dp_flow_key4</c> is <c>DpFlowKey4</c>.</summary>
    internal static Naming AsInCSharp { get; } = new PascalNaming();

    /// <summary>Name of a struct, union or enum.</summary>
    internal abstract string Type(string name);

    /// <summary>Name of a member.</summary>
    /// <param name="name">In C.</param>
    /// <param name="isBigEndian">Whether it is in network byte order, which the name then says.</param>
    internal abstract string Field(string name, bool isBigEndian);

    /// <summary>Name of a value of an enum.</summary>
    internal abstract string Value(string enumName, string name);

    /// <summary>Access to members: what C# code is expected to touch them.</summary>
    internal abstract string Access { get; }

    private sealed class CNaming : Naming
    {
        private static readonly HashSet<string> Keywords = new(
            ["base", "checked", "event", "fixed", "in", "is", "lock", "object", "out", "params", "ref", "string", "this"],
            StringComparer.Ordinal);

        internal override string Access => "internal";

        internal override string Type(string name) => name;

        internal override string Field(string name, bool isBigEndian) => Keywords.Contains(name) ? "@" + name : name;

        internal override string Value(string enumName, string name) => name;
    }

    private sealed class PascalNaming : Naming
    {
        private const string Prefix = "dp_";

        /// <summary>Words that our style spells differently.</summary>
        private static readonly Dictionary<string, string> Spellings = new(StringComparer.Ordinal)
        {
            ["ip4"] = "IPv4",
            ["ip6"] = "IPv6",
            ["ns"] = "Nanoseconds",
        };

        internal override string Access => "public";

        internal override string Type(string name) => Pascal(name);

        internal override string Field(string name, bool isBigEndian) => Pascal(name) + (isBigEndian ? "BigEndian" : "");

        // DP_REASON_POLICY of enum dp_reason is Policy: what the enum's own name says already is left out.
        internal override string Value(string enumName, string name)
        {
            string[] words = Unprefixed(name.ToLowerInvariant()).Split('_');
            string[] known = Unprefixed(enumName).Split('_');
            int skipped = 0;
            while (skipped < words.Length - 1 && known.Any(word => Repeats(words[skipped], word)))
            {
                skipped++;
            }

            return Pascal(string.Join('_', words[skipped..]));
        }

        // "stat" of "statistic", "ports" of "port".
        private static bool Repeats(string word, string known) =>
            known.StartsWith(word, StringComparison.Ordinal) || known == word.TrimEnd('s');

        private static string Unprefixed(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;

        private static string Pascal(string name)
        {
            var pascal = new StringBuilder();
            foreach (string word in name.Split('_', StringSplitOptions.RemoveEmptyEntries))
            {
                pascal.Append(Spellings.GetValueOrDefault(word) ?? char.ToUpperInvariant(word[0]) + word[1..]);
            }

            return pascal.ToString();
        }
    }
}
