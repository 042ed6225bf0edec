using System.Collections.Immutable;
using System.Globalization;
using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Clang;

/// <summary>Reads declarations by name, and with each the structs and enums that it speaks of.</summary>
internal sealed unsafe class HeaderReader
{
    private const int StaticStorage = 3; // CX_SC_Static

    private readonly TranslationUnit _unit;
    private readonly Dictionary<string, CXCursor> _functions = new(StringComparer.Ordinal);
    private readonly List<CXCursor> _macros = [];
    private readonly SortedDictionary<string, CRecord> _records = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, CEnum> _enums = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CXCursor> _tags = new(StringComparer.Ordinal);

    internal HeaderReader(TranslationUnit unit)
    {
        _unit = unit;
        foreach (CXCursor cursor in unit.Declarations)
        {
            Remember(cursor);
        }
    }

    /// <summary>Structs and unions that were reached so far, by name.</summary>
    internal IReadOnlyCollection<CRecord> Records => _records.Values;

    /// <summary>Enums that were reached so far, by name.</summary>
    internal IReadOnlyCollection<CEnum> Enums => _enums.Values;

    /// <summary>Reads a function.</summary>
    /// <exception cref="BindgenException">No header declares it.</exception>
    internal CFunction Function(string name)
    {
        if (!_functions.TryGetValue(name, out CXCursor cursor))
        {
            throw new BindgenException($"no header declares the function {name}");
        }

        ImmutableArray<CParameter>.Builder parameters = ImmutableArray.CreateBuilder<CParameter>();
        for (uint i = 0; i < LibclangApi.clang_Cursor_getNumArguments(cursor); i++)
        {
            CXCursor parameter = LibclangApi.clang_Cursor_getArgument(cursor, i);
            string parameterName = Spelling(parameter);
            parameters.Add(new CParameter(
                parameterName.Length > 0 ? parameterName : $"argument{i}",
                Type(LibclangApi.clang_getCursorType(parameter), name)));
        }

        bool isStatic = LibclangApi.clang_Cursor_getStorageClass(cursor) == StaticStorage
            || LibclangApi.clang_Cursor_isFunctionInlined(cursor) != 0;
        CType result = Type(LibclangApi.clang_getCursorResultType(cursor), name);
        return new CFunction(name, Header(cursor), result, parameters.ToImmutable(), isStatic);
    }

    /// <summary>Reaches a struct, union or enum that no function names.</summary>
    /// <exception cref="BindgenException">No header defines it.</exception>
    internal void Reach(string tag)
    {
        if (!_tags.TryGetValue(tag, out CXCursor cursor))
        {
            throw new BindgenException($"no header defines the struct or enum {tag}");
        }

        Type(LibclangApi.clang_getCursorType(cursor), tag);
    }

    /// <summary>Macros that stand for exactly one number.</summary>
    /// <param name="prefix">Of their names.</param>
    internal IEnumerable<CConstant> NumberMacros(string prefix)
    {
        foreach (CXCursor macro in _macros.Where(macro => Spelling(macro).StartsWith(prefix, StringComparison.Ordinal)))
        {
            List<string> words = _unit.Words(macro);
            if (words.Count == 2 && TryReadNumber(words[1], out long value))
            {
                yield return new CConstant(words[0], value);
            }
        }
    }

    private static bool TryReadNumber(string literal, out long value)
    {
        ReadOnlySpan<char> digits = literal.AsSpan().TrimEnd("uUlL");
        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? long.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    private void Remember(CXCursor cursor)
    {
        switch (cursor.Kind)
        {
            case CursorKind.Function:
                _functions.TryAdd(Spelling(cursor), cursor);
                break;
            case CursorKind.Macro:
                _macros.Add(cursor);
                break;
            case CursorKind.Struct or CursorKind.Union or CursorKind.Enum when LibclangApi.clang_isCursorDefinition(cursor) != 0:
                _tags.TryAdd(Spelling(cursor), cursor);
                break;
        }
    }

    private CType Type(CXType type, string owner)
    {
        CXType canonical = LibclangApi.clang_getCanonicalType(type);
        return canonical.Kind switch
        {
            TypeKind.Pointer => Pointer(LibclangApi.clang_getPointeeType(canonical), owner),
            TypeKind.IncompleteArray => new CType.Pointer(Type(LibclangApi.clang_getArrayElementType(canonical), owner)),
            TypeKind.ConstantArray => Array(canonical, owner),
            TypeKind.Record or TypeKind.Enum => Declared(canonical, owner),
            _ => NumberTypes.FromClang(canonical.Kind)
                ?? throw new BindgenException($"{owner} speaks of the type {Spelling(canonical)}, for which there is no C#"),
        };
    }

    private CType Pointer(CXType target, string owner)
    {
        CXType canonical = LibclangApi.clang_getCanonicalType(target);
        if (canonical.Kind is not (TypeKind.FunctionPrototype or TypeKind.FunctionNoPrototype))
        {
            // A va_list is a pointer to a struct that only the compiler knows.
            bool isVariableArguments = Spelling(canonical).Contains("__va_list", StringComparison.Ordinal);
            return new CType.Pointer(isVariableArguments ? CType.Void : Type(canonical, owner));
        }

        var parameters = new List<CType>();
        for (uint i = 0; i < LibclangApi.clang_getNumArgTypes(canonical); i++)
        {
            parameters.Add(Type(LibclangApi.clang_getArgType(canonical, i), owner));
        }

        return new CType.FunctionPointer(parameters, Type(LibclangApi.clang_getResultType(canonical), owner));
    }

    private CType.Array Array(CXType type, string owner)
    {
        int count = (int)LibclangApi.clang_getArraySize(type);
        CType element = Type(LibclangApi.clang_getArrayElementType(type), owner);
        return element is CType.Array inner
            ? new CType.Array(inner.Element, inner.Count * count)
            : new CType.Array(element, count);
    }

    private CType.Named Declared(CXType type, string owner)
    {
        CXCursor declaration = LibclangApi.clang_getTypeDeclaration(type);
        bool isUnnamed = LibclangApi.clang_Cursor_isAnonymous(declaration) != 0;
        string name = isUnnamed ? owner : Spelling(declaration);
        int size = Math.Max(0, (int)LibclangApi.clang_Type_getSizeOf(type));
        if (type.Kind == TypeKind.Enum)
        {
            _enums.TryAdd(name, Enum(declaration, name, size));
        }
        else if (_records.TryAdd(name, new CRecord("", name, "", 0, [])))
        {
            string keyword = declaration.Kind == CursorKind.Union ? "union" : "struct";
            // The name is taken first: a struct may point to itself.
            ImmutableArray<CField> fields = size == 0 ? [] : [.. Fields(declaration, type, name)];
            _records[name] = new CRecord(keyword, name, Header(declaration), size, fields);
        }

        return new CType.Named(name, size);
    }

    private IEnumerable<CField> Fields(CXCursor record, CXType outermost, string owner)
    {
        foreach (CXCursor child in TranslationUnit.Children(record))
        {
            string name = Spelling(child);
            if (child.Kind is CursorKind.Struct or CursorKind.Union && LibclangApi.clang_Cursor_isAnonymousRecordDecl(child) != 0)
            {
                foreach (CField field in Fields(child, outermost, owner))
                {
                    yield return field;
                }
            }
            else if (child.Kind == CursorKind.Field && name.Length > 0)
            {
                yield return Field(child, name, outermost, owner);
            }
        }
    }

    private CField Field(CXCursor cursor, string name, CXType outermost, string owner)
    {
        byte* text = LibclangText.Give(name);
        long offset = LibclangApi.clang_Type_getOffsetOf(outermost, text);
        System.Runtime.InteropServices.NativeMemory.Free(text);
        int width = LibclangApi.clang_Cursor_isBitField(cursor) != 0 ? LibclangApi.clang_getFieldDeclBitWidth(cursor) : 0;
        return offset >= 0
            ? new CField(name, Type(LibclangApi.clang_getCursorType(cursor), $"{owner}_{name}"), (int)offset, width)
            : throw new BindgenException($"clang does not know the offset of {owner}.{name}");
    }

    private static CEnum Enum(CXCursor declaration, string name, int size)
    {
        CXType number = LibclangApi.clang_getCanonicalType(LibclangApi.clang_getEnumDeclIntegerType(declaration));
        return new CEnum(
            name,
            Header(declaration),
            IsSigned: number.Kind is TypeKind.Int or TypeKind.Long or TypeKind.LongLong,
            size,
            [.. TranslationUnit.Children(declaration).Select(child =>
                new CConstant(Spelling(child), LibclangApi.clang_getEnumConstantDeclValue(child)))]);
    }

    /// <summary>The header as one includes it: what follows the include directory, so that no path of this machine shows.</summary>
    private static string Header(CXCursor cursor)
    {
        void* file = null;
        LibclangApi.clang_getFileLocation(LibclangApi.clang_getCursorLocation(cursor), &file, null, null, null);
        string path = file == null ? "" : LibclangText.Take(LibclangApi.clang_getFileName(file));
        const string Directory = "/include/";
        int start = path.IndexOf(Directory, StringComparison.Ordinal);
        return start < 0 ? Path.GetFileName(path) : path[(start + Directory.Length)..];
    }

    private static string Spelling(CXCursor cursor) => LibclangText.Take(LibclangApi.clang_getCursorSpelling(cursor));

    private static string Spelling(CXType type) => LibclangText.Take(LibclangApi.clang_getTypeSpelling(type));
}
