using System.Text;

namespace Datapath.DocGen;

/// <summary>A page of Markdown while it is written; lines end in a line feed.</summary>
public sealed class Markdown
{
    private readonly StringBuilder _text = new();

    /// <summary>The page.</summary>
    public override string ToString() => _text.ToString();

    /// <summary>A heading.</summary>
    /// <param name="level">1 for the title of the page.</param>
    /// <param name="text">One line.</param>
    public void Heading(int level, string text)
    {
        if (_text.Length > 0)
        {
            _text.Append('\n');
        }

        _text.Append('#', level).Append(' ').Append(text).Append("\n\n");
    }

    /// <summary>Lines as they stand, with a line feed after the last.</summary>
    public void Lines(string text) => _text.Append(text.TrimEnd()).Append('\n');

    /// <summary>Lines with an empty one after them, as a table wants before it.</summary>
    public void Paragraph(string text)
    {
        Lines(text);
        _text.Append('\n');
    }

    /// <summary>A table.</summary>
    public void Table(string[] header, IEnumerable<string[]> rows)
    {
        Row(header);
        Row([.. header.Select(static _ => "---")]);
        foreach (string[] row in rows)
        {
            Row(row);
        }
    }

    // A bar ends a cell even between backquotes.
    private void Row(string[] cells) =>
        _text.Append("| ").AppendJoin(" | ", cells.Select(static cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
}
