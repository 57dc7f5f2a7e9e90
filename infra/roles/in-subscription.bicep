// Tether's custom roles, defined in one subscription. Whoever gets one is told elsewhere: on-subscription.bicep and so on.
targetScope = 'subscription'

@description('The deployment\'s owner, as in its policy: role names are unique in a tenant')
param owner string

@description('Which roles of roles/rights.json')
param wanted array

var rights = loadJsonContent('rights.json')

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for key in wanted: {
  // on-subscription.bicep and main.bicep name the definitions in the same way.
  name: guid(subscription().id, owner, key)
  properties: {
    roleName: '${rights[key].name} (${owner}, ${subscription().subscriptionId})'
    description: rights[key].description
    type: 'CustomRole'
    permissions: [
      {
        actions: rights[key].actions
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [
      subscription().id
    ]
  }
}]
