use serde_json::json;

use crate::{TEXT, check, check_refused, document};

/// The rules of the standard's example: crackers, coke and water.
const RULES: &str = r#"<Itemset id="1"><ItemRef itemRef="1"/></Itemset><Itemset id="2"><ItemRef itemRef="3"/></Itemset>
<Itemset id="3"><ItemRef itemRef="2"/></Itemset><Itemset id="4"><ItemRef itemRef="1"/><ItemRef itemRef="3"/></Itemset>
<AssociationRule support="1.0" confidence="1.0" lift="1.5" antecedent="1" consequent="2"/>
<AssociationRule support="0.5" confidence="0.6" lift="3" antecedent="4" consequent="3"/>
<AssociationRule support="0.5" confidence="0.8" antecedent="2" consequent="1" id="water"/>"#;

const OUTPUT: &str = r#"<Output>
<OutputField name="r" feature="ruleValue" ruleFeature="ruleId" algorithm="recommendation" isMultiValued="1" rank="0"/>
<OutputField name="up" feature="ruleValue" ruleFeature="ruleId" algorithm="recommendation" rankBasis="support" rankOrder="ascending" isMultiValued="1" rank="2"/>
<OutputField name="new" feature="ruleValue" ruleFeature="consequent" algorithm="exclusiveRecommendation" rank="1"/>
<OutputField name="both" feature="ruleValue" ruleFeature="rule" algorithm="ruleAssociation" rank="2"/>
<OutputField name="c" feature="ruleValue" ruleFeature="confidence" algorithm="recommendation" isMultiValued="1" rank="0"/>
<OutputField name="lift" feature="ruleValue" ruleFeature="lift" algorithm="recommendation" rank="3"/>
<OutputField name="from" feature="ruleValue" ruleFeature="antecedent" algorithm="recommendation" isMultiValued="1" rank="0"/>
</Output>"#;

fn model(schema: &str, items: &str) -> String {
    format!(
        r#"<AssociationModel functionName="associationRules" numberOfTransactions="4" numberOfItems="3" minimumSupport="0.5" minimumConfidence="0.5" numberOfItemsets="4" numberOfRules="3">
<MiningSchema>{schema}</MiningSchema>{OUTPUT}{items}{RULES}</AssociationModel>"#
    )
}

#[test]
fn rules_speak_for_lists_of_items() {
    let items = r#"<Item id="1" value="Cracker"/><Item id="2" value="Coke"/><Item id="3" value="Water"/>"#;
    let schema = r#"<MiningField name="t" usageType="group"/><MiningField name="item"/>"#;
    let text = document(&[("t", TEXT), ("item", TEXT)], &model(schema, items));
    check(
        &text,
        &[
            (
                json!({"item": ["Cracker", "Tea"]}),
                json!({"r": ["1"], "up": ["1"], "new": ["Water"], "both": null, "c": [1.0], "lift": null, "from": [["Cracker"]]}),
            ),
            (
                json!({"item": ["Water", "Cracker"]}),
                json!({"r": ["1", "water", "2"], "up": ["2", "water"], "new": ["Coke"], "both": "{Water}->{Cracker}",
                    "c": [1.0, 0.8, 0.6], "lift": 3.0, "from": [["Cracker"], ["Water"], ["Cracker", "Water"]]}),
            ),
            (
                json!({"item": []}),
                json!({"r": [], "up": [], "new": null, "both": null, "c": [], "lift": null, "from": []}),
            ),
        ],
    );
    let bare = text.replace(OUTPUT, "");
    check(&bare, &[(json!({"item": ["Water", "Cracker"]}), json!({"_target": ["2"]}))]);
    check_refused(&text.replace(r#"antecedent="4""#, r#"antecedent="9""#), &["antecedent", "9"]);
    check_refused(&text.replace(r#"itemRef="2""#, r#"itemRef="7""#), &["itemRef", "7"]);
    check_refused(&text.replace("ascending", "sideways"), &["rankOrder", "sideways"]);
}

#[test]
fn rules_speak_for_a_field_each() {
    let items = r#"<Item id="1" value="Cracker"/><Item id="2" value="drink=Coke"/><Item id="3" value="w" field="drink" category="Water"/>"#;
    let schema = r#"<MiningField name="Cracker"/><MiningField name="drink"/>"#;
    let boolean = r#"optype="categorical" dataType="boolean""#;
    let text = document(&[("Cracker", boolean), ("drink", TEXT)], &model(schema, items));
    check(
        &text,
        &[
            (json!({"Cracker": true, "drink": null}), json!({"r": ["1"], "new": ["w"]})),
            (json!({"Cracker": true, "drink": "Water"}), json!({"r": ["1", "water", "2"], "new": ["drink=Coke"]})),
            (json!({"Cracker": false, "drink": "Coke"}), json!({"r": []})),
        ],
    );
    let letters = document(&[("Cracker", TEXT), ("drink", TEXT)], &model(schema, items));
    check(
        &letters,
        &[
            (json!({"Cracker": "T", "drink": null}), json!({"r": ["1"]})),
            (json!({"Cracker": "F", "drink": null}), json!({"r": []})),
            (json!({"Cracker": "yes", "drink": null}), json!("refused")),
        ],
    );
}

/// Index page, then products; a rule to the cart, and one where the cart comes next.
fn sequences(order: &str) -> String {
    let model = format!(
        r#"<SequenceModel functionName="sequences" numberOfTransactions="9" numberOfTransactionGroups="3">
<MiningSchema><MiningField name="visit" usageType="group"/>{order}<MiningField name="page"/></MiningSchema>
<Output><OutputField name="r" feature="ruleValue" ruleFeature="ruleId" algorithm="recommendation" isMultiValued="1" rank="0"/>
<OutputField name="new" feature="ruleValue" ruleFeature="consequent" algorithm="exclusiveRecommendation" rank="1"/>
<OutputField name="both" feature="ruleValue" ruleFeature="rule" algorithm="ruleAssociation" isMultiValued="1" rank="0"/></Output>
<Item id="i" value="index"/><Item id="p" value="products"/><Item id="c" value="cart"/>
<Itemset id="1"><ItemRef itemRef="i"/></Itemset><Itemset id="2"><ItemRef itemRef="p"/></Itemset>
<SetPredicate id="3" field="page" operator="supersetOf"><Array n="1" type="string">cart</Array></SetPredicate>
<Sequence id="s1"><SetReference setId="1"/><Delimiter delimiter="acrossTimeWindows" gap="true"/><SetReference setId="2"/></Sequence>
<Sequence id="s2"><SetReference setId="3"/></Sequence>
<SequenceRule id="soon" support="0.5" confidence="0.9"><AntecedentSequence><SequenceReference seqId="s1"/></AntecedentSequence>
<Delimiter delimiter="acrossTimeWindows" gap="false"/><ConsequentSequence><SequenceReference seqId="s2"/></ConsequentSequence></SequenceRule>
<SequenceRule id="late" support="0.5" confidence="0.8"><AntecedentSequence><SequenceReference seqId="s1"/></AntecedentSequence>
<Delimiter delimiter="acrossTimeWindows" gap="unknown"/><ConsequentSequence><SequenceReference seqId="s2"/></ConsequentSequence></SequenceRule>
</SequenceModel>"#
    );
    let integer = r#"optype="ordinal" dataType="integer""#;
    document(&[("visit", TEXT), ("page", TEXT), ("at", integer)], &model)
}

/// Without times each page has its own. index, products: both rules speak and nothing of them has happened. index, products, cart:
/// the cart came next, so both are whole. index, products, index, cart: it came later, but not next.
#[test]
fn sequences_are_read_in_the_order_of_lists() {
    let (soon, late) = ("{index,products}->{cart}", "{index,products}->{cart}");
    check(
        &sequences(""),
        &[
            (json!({"page": ["index", "products"]}), json!({"r": ["soon", "late"], "new": ["cart"], "both": []})),
            (
                json!({"page": ["index", "products", "cart"]}),
                json!({"r": ["soon", "late"], "new": null, "both": [soon, late]}),
            ),
            (json!({"page": ["index", "products", "index", "cart"]}), json!({"new": ["cart"], "both": [late]})),
            (json!({"page": ["products", "index", "cart"]}), json!({"r": [], "new": null, "both": []})),
        ],
    );
    check_refused(&sequences("").replace(r#"seqId="s2""#, r#"seqId="s9""#), &["seqId", "s9"]);
    check_refused(&sequences("").replace(r#"setId="2""#, r#"setId="9""#), &["setId", "9"]);
}

/// With times: the products were seen after the index, whatever the list's order; at one time they do not follow each other.
#[test]
fn sequences_are_read_by_the_times_beside_the_items() {
    check(
        &sequences(r#"<MiningField name="at" usageType="order"/>"#),
        &[
            (json!({"page": ["products", "index"], "at": [7, 3]}), json!({"r": ["soon", "late"]})),
            (json!({"page": ["index", "products"], "at": [3, 3]}), json!({"r": []})),
            (json!({"page": ["index", "products", "cart"], "at": [1, 2, 9]}), json!({"new": null})),
        ],
    );
}
