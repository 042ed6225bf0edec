using System.Text;

namespace Datapath.Agent.Commands;

/// <summary>Writes roff: text is escaped, so that nothing of it is taken for a request or a hyphenation.</summary>
internal sealed class RoffText
{
    private readonly StringBuilder _text = new();

    /// <summary>A request on a line of its own.</summary>
    public RoffText Line(string request)
    {
        _text.Append(request).Append('\n');
        return this;
    }

    /// <summary>What follows belongs to the request before.</summary>
    public RoffText Continue()
    {
        _text.Length--;
        _text.Append(' ');
        return this;
    }

    /// <summary>A section begins.</summary>
    public RoffText Section(string title) => Line($".SH {title}");

    public RoffText Text(string text) => Raw(Escaped(text));

    public RoffText Bold(string text) => Raw($@"\fB{Escaped(text)}\fR");

    public RoffText Italic(string text) => Raw($@"\fI{Escaped(text)}\fR");

    /// <summary>Roff as it is.</summary>
    public RoffText Raw(string roff)
    {
        _text.Append(roff);
        return this;
    }

    /// <summary>The line ends.</summary>
    public RoffText End() => Raw("\n");

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    // groff_char(7): - is a hyphen and \- the minus that options are typed with; \& keeps a dot or quote at the beginning from being a request.
    private static string Escaped(string text)
    {
        string escaped = text.Replace(@"\", @"\e", StringComparison.Ordinal)
            .Replace("-", @"\-", StringComparison.Ordinal)
            .Replace("…", "...", StringComparison.Ordinal)
            .Replace("`", @"\(ga", StringComparison.Ordinal)
            .Replace("'", @"\(aq", StringComparison.Ordinal)
            // Lists of ports are longer than a line: they may be broken behind a comma.
            .Replace(",", @",\:", StringComparison.Ordinal);
        return escaped is ['.', ..] ? @"\&" + escaped : escaped;
    }
}
